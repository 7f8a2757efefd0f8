"""Where an Observation holds what was measured: itself, its components, the Observations it contains.

One walk for all that is read, liver tests and their context alike.
"""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import DecodeError, Raw

from service.fhir import wire
from service.fhir.defects import Defect
from service.fhir.incoming import Problem
from service.fhir.origin import Origin
from service.fhir.references import OtherSubjectError, Subject, is_id, subject


class Member(NamedTuple):
    """One place of a measured thing."""

    measured: wire.Measured
    prefix: str
    """Empty in the Observation itself, else `contained:<id>`."""
    is_component: bool
    path: str
    within: wire.Observation
    """The Observation whose time, status and subject it has."""

    def sub_key(self, name: str) -> str:
        """What tells it from the others; a component goes by the `name` of what it measures.

        Raises:
            Defect: it is in a contained Observation without an id, or with one that cannot be one.
        """
        if self.prefix and not is_id(self.within.id):
            raise Defect("no-id", "A contained Observation needs an id of its own.")
        if not self.is_component:
            return self.prefix
        return f"{self.prefix}/component:{name}" if self.prefix else f"component:{name}"

    def status(self, given: wire.Observation) -> str | None:
        """Its own, or that of the resource `given` around it."""
        return self.within.status or given.status

    def check_patient(self, given: wire.Observation, whose: Subject, origin: Origin) -> None:
        """Raise Defect where a contained Observation says that it is of someone else."""
        if self.within is given or self.within.subject is None:
            return
        try:
            same = subject(self.within.subject, origin.links, given.contained) == whose
        except OtherSubjectError:
            same = False
        if not same:
            raise Defect("conflicting-patient", "The contained Observation is of someone else.", "subject")


def members(given: wire.Observation, kind: str, problems: list[Problem]) -> Iterator[Member]:
    """The Observation itself first; contained ones that cannot be read are added to `problems`."""
    yield Member(given, "", False, kind, given)
    yield from _components(given, "", kind)
    for index, raw in enumerate(given.contained or ()):
        path = f"{kind}.contained[{index}]"
        member = _contained(raw, path, problems)
        if member is not None:
            prefix = f"contained:{member.id}"
            yield Member(member, prefix, False, path, member)
            yield from _components(member, prefix, path)


def _components(given: wire.Observation, prefix: str, path: str) -> Iterator[Member]:
    for index, component in enumerate(given.component or ()):
        yield Member(component, prefix, True, f"{path}.component[{index}]", given)


def _contained(raw: Raw, path: str, problems: list[Problem]) -> wire.Observation | None:
    try:
        if wire.resource.decode(raw).resource_type != "Observation":
            return None
        return wire.observation.decode(raw)
    except (DecodeError, ArithmeticError):
        problems.append(Problem("unreadable-resource", path, "The contained Observation cannot be read."))
        return None
