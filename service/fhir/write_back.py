"""Make a FHIR server hold one alert's resources, exactly once, whatever became of earlier attempts.

Look, compare, write the difference in one transaction, look again. An identifier of ours finds what is there;
creates are conditional on it, updates on the version that was compared. A conditional create can still race
on real servers: then the oldest resource stays and the others are entered in error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from service.fhir import names
from service.fhir.changes import Found, Held, Known, Wanted, learnt, named, nothing_new, plan
from service.fhir.client import FhirClient
from service.fhir.comparing import age, has_identifier
from service.fhir.remote import RemoteConflict, RemoteRefused, RemoteUnavailable

Resource = dict[str, Any]

ROUNDS: Final = 5
"""Looks at the server before giving up on it for now."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a write came to."""

    known: Known
    wrote: bool
    """False: the server held it all already, or there was nothing to hold."""

    @property
    def targets(self) -> tuple[str, ...]:
        """References to the DetectedIssue, first, and its requests; empty where there is nothing."""
        if self.known.issue is None:
            return ()
        steps = (f"ServiceRequest/{held.id}" for _name, held in sorted(self.known.steps.items()))
        return f"DetectedIssue/{self.known.issue.id}", *steps


def write_back(
    client: FhirClient, wanted: Wanted, known: Known, *, first: bool, still_ours: Callable[[], bool]
) -> Written:
    """Make the server hold what is wanted.

    Args:
        client: of that server.
        wanted: of one alert.
        known: what was learnt before.
        first: nothing can be there yet: spares the first look.
        still_ours: whether the lease still holds; asked before each write.

    Raises:
        RemoteUnavailable: try again later; what was written so far will be recognised.
        RemoteRefused: the server will not take it, and does not hold it either.
        InvalidOutgoing: what we made is not valid.
    """
    if nothing_new(wanted, known):
        return Written(known, wrote=False)
    wrote = False
    found = Found() if first else _look(client, wanted, known, search=False)
    for _round in range(ROUNDS):
        entries = plan(wanted, found)
        if not entries:
            return Written(learnt(wanted, found), wrote)
        if not still_ours():
            raise RemoteUnavailable("the lease ran out before the write")
        try:
            responses = client.transaction(entries)
        except RemoteConflict:
            found = _look(client, wanted, known, search=True)
        except RemoteRefused:
            # On some servers a lost race looks like a refusal: look before believing it.
            found = _look(client, wanted, known, search=True)
            if plan(wanted, found) == entries:
                raise
        else:
            wrote = True
            if not any(entry["request"]["method"] == "POST" for entry in entries):
                return Written(learnt(wanted, found), wrote)
            known = named(known, entries, responses)
            found = _look(client, wanted, known, search=True)
    raise RemoteUnavailable("the resources kept changing while they were written")


def _look(client: FhirClient, wanted: Wanted, known: Known, *, search: bool) -> Found:
    """What the server holds of it; by the ids learnt, or (`search`) by our identifiers first."""
    found = Found()
    alert = str(wanted.alert_id)
    issues = _locate(client, "DetectedIssue", (names.ALERT, alert), known.issue, search)
    found.issue = issues[0] if issues else None
    found.surplus += issues[1:]
    for step in sorted(wanted.steps):
        identifier = (names.STEP, names.step_value(wanted.alert_id, step))
        requests = _locate(client, "ServiceRequest", identifier, known.steps.get(step), search)
        if requests:
            found.steps[step] = requests[0]
        found.surplus += requests[1:]
    return found


def _locate(
    client: FhirClient, kind: str, identifier: tuple[str, str], held: Held | None, search: bool
) -> list[Resource]:
    if held is not None and not search:
        resource = client.read(kind, held.id)
        if resource is not None and has_identifier(resource, *identifier):
            return [resource]
    there = search_ours(client, kind, *identifier)
    if not there and held is not None and search:
        # A server whose searches lag behind its writes.
        resource = client.read(kind, held.id)
        return [resource] if resource is not None and has_identifier(resource, *identifier) else []
    return there


def search_ours(client: FhirClient, kind: str, system: str, value: str) -> list[Resource]:
    """Every resource there with that identifier, the oldest first."""
    there = client.search(kind, {"identifier": f"{system}|{value}"})
    return sorted((each for each in there if has_identifier(each, system, value)), key=age)
