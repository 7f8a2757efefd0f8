"""Who a resource is about: by reference (relative, absolute, contained, within a Bundle) or by identifier."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote

from msgspec import DecodeError, Raw

from service.fhir import datatypes, wire
from service.fhir.defects import Defect

_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_LITERAL = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9._-]{1,128})(?:/_history/[^/]*)?")
_LONGEST_IDENTIFIER = 500
_BY_IDENTIFIER = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)\?identifier=(?:([^|&]*)\|)?([^|&]+)")


class Target(NamedTuple):
    """A resource of the same Bundle, to which its fullUrl points."""

    type: str
    id: str
    raw: bytes


class Links:
    """What the fullUrls of one Bundle lead to, and which of them were followed."""

    __slots__ = ("_targets", "followed")

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self._targets = targets
        self.followed: dict[str, Target] = {}

    def find(self, url: str) -> Target | None:
        """The resource at `url`, noted as followed; None where the Bundle has none."""
        target = self._targets.get(url)
        if target is not None:
            self.followed[url] = target
        return target


NO_LINKS: Final = Links({})


class Subject(NamedTuple):
    """The Patient meant: by id, or else by (system, value) of an identifier."""

    patient: str | None
    identifier: tuple[str, str] | None = None


class OtherSubjectError(Exception):
    """The subject is a group, a device, a place or a specimen: not one patient."""


def is_id(text: object) -> bool:
    """Whether this can be a logical id; underscores and 128 characters pass, as real servers use them."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def is_kept(system: str, value: str) -> bool:
    """Whether an identifier can be looked up: system and value of up to 500 characters together."""
    return len(system) + len(value) <= _LONGEST_IDENTIFIER


def subject(
    reference: datatypes.Reference | None, links: Links = NO_LINKS, contained: Iterable[Raw] | None = None
) -> Subject:
    """The Patient a `subject` names.

    Raises:
        Defect: `no-patient` when it names none that can be found.
        OtherSubjectError: when it names something that is not a Patient.
    """
    if reference is None:
        raise Defect("no-patient", "It names no patient; the sender must add one.", "subject")
    text = reference.reference
    if text is not None:
        if text.startswith("Patient/") and _ID.fullmatch(text, 8):
            return tuple.__new__(Subject, (text[8:], None))  # as Subject(...), in half the time
        found = _resolved(text, links, contained or ())
        if found is not None:
            return found
    if reference.type is not None and reference.type.rpartition("/")[2] != "Patient":
        raise OtherSubjectError
    if reference.identifier is not None and reference.identifier.value:
        return _identified(reference.identifier.system or "", reference.identifier.value)
    raise Defect("no-patient", "The reference leads to no Patient of this source.", "subject.reference")


def _resolved(text: str, links: Links, contained: Iterable[Raw]) -> Subject | None:
    if text.startswith("#"):
        return _contained_patient(text[1:], contained)
    literal = _LITERAL.fullmatch(text)
    if literal is not None:
        if literal[1] != "Patient":
            raise OtherSubjectError
        return Subject(literal[2])
    target = links.find(text)
    if target is not None:
        if target.type != "Patient":
            raise OtherSubjectError
        return Subject(target.id) if target.id else None
    search = _BY_IDENTIFIER.fullmatch(text)
    if search is not None and search[1] == "Patient":
        return _identified(unquote(search[2] or ""), unquote(search[3]))
    return None


def _identified(system: str, value: str) -> Subject:
    if is_kept(system, value):
        return Subject(None, (system, value))
    detail = "The patient's identifier is too long to be kept (over 500 characters); refer by id instead."
    raise Defect("no-patient", detail, "subject.identifier")


def _contained_patient(fragment: str, contained: Iterable[Raw]) -> Subject | None:
    named = find_contained(fragment, contained)
    if named is None:
        return None
    if named.resource_type != "Patient":
        raise OtherSubjectError
    for identifier in named.identifier or ():
        if identifier.value and is_kept(identifier.system or "", identifier.value):
            return Subject(None, (identifier.system or "", identifier.value))
    return None


def find_contained(fragment: str, contained: Iterable[Raw]) -> wire.Named | None:
    """The contained resource with this id, as far as it is of a readable form."""
    for raw in contained:
        try:
            named = wire.named.decode(raw)
        except DecodeError:
            continue
        if named.id in (fragment, f"#{fragment}"):
            return named
    return None


def patient_id(reference: datatypes.Reference | None, links: Links = NO_LINKS) -> str | None:
    """The id of the Patient that a link between Patients names, or None."""
    try:
        return subject(reference, links).patient
    except (Defect, OtherSubjectError):
        return None
