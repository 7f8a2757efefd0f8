"""What is asked of an EHR: which searches find what this service reads, and what their pages say."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import Final

import msgspec

from service.clinical.analytes import CODES
from service.clinical.catalogues.measurements import kinds
from service.clinical.rulebook import Rulebook
from service.errors import InvalidResource, MalformedInput
from service.fhir.bundles import decode_bundle
from service.fhir.incoming import Incoming, Unusable
from service.fhir.resource import READ_TYPES, unusable
from service.fhir.strict_json import check_json

PATIENT: Final = "Patient"
OF_A_PATIENT: Final = tuple(sorted(READ_TYPES - {PATIENT}))
"""The resource types that belong to a patient; results come with the context they are read in."""
ASKED_FOR: Final = (PATIENT, *OF_A_PATIENT)
"""Every resource type that is asked for."""
PAGE_ENTRIES: Final = 200
_MAX_ENTRIES: Final = 100_000
"""A page may be of any length that the limit of an answer's bytes lets through."""
_DEPTH: Final = 60
"""Of a page: a resource may have 50, within Bundle and entry."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of matches."""

    incoming: tuple[Incoming, ...]
    oldest: datetime | None
    """The earliest time at which one of them was written there."""
    newest: datetime | None
    """The latest."""
    in_order: bool
    """Whether each was written no earlier than the one before."""
    total: int | None = None
    """How many matches there are on all pages, where the server says so."""

    def is_last(self, seen: int) -> bool:
        """Whether nothing follows the `seen` matches up to its end, when no link leads on."""
        return len(self.incoming) < PAGE_ENTRIES if self.total is None else seen >= self.total


def changes(type_: str, *, since: datetime | None = None, patient: str | None = None) -> dict[str, str]:
    """The search for what was written since then, of one patient or of all, the oldest first.

    Source: FHIR search, `_lastUpdated` and `_sort`; `patient` stands for the subject in every type asked for.
    """
    asked = {"_sort": "_lastUpdated", "_count": str(PAGE_ENTRIES)}
    if patient is not None:
        asked["_id" if type_ == PATIENT else "patient"] = patient
    if since is not None:
        asked["_lastUpdated"] = f"ge{instant(since)}"
    if type_ == "Observation":
        asked["code"] = codes_asked_for()
    return asked


def still_there(ids: Iterable[str]) -> dict[str, str]:
    """The search that tells which of some resources there are."""
    named = list(ids)
    return {"_id": ",".join(named), "_elements": "id", "_count": str(len(named))}


def decode_page(raw: bytes, *, source: str, zone: tzinfo | None, rulebook: Rulebook) -> Page:
    """What a page of matches says, each entry by itself: one that cannot be used takes no other with it.

    Raises:
        InvalidResource: it is no Bundle of matches.
    """
    try:
        incoming = decode_bundle(
            check_json(raw, max_depth=_DEPTH),
            source=source,
            zone=zone,
            rulebook=rulebook,
            max_entries=_MAX_ENTRIES,
        )
    except MalformedInput:
        incoming = _entry_by_entry(raw, source=source, zone=zone, rulebook=rulebook)
    written = [each.last_updated for each in incoming]
    known = [at for at in written if at is not None]
    in_order = len(known) == len(written) and all(one <= other for one, other in pairwise(known))
    total = _head.decode(raw).total
    return Page(
        tuple(incoming),
        min(known, default=None),
        max(known, default=None),
        in_order,
        total if type(total) is int else None,
    )


class _Head(msgspec.Struct):
    type: str = ""
    total: object = None


class _Entries(_Head):
    entry: list[msgspec.Raw] = []


_head = msgspec.json.Decoder(_Head)
_entries = msgspec.json.Decoder(_Entries)


def _entry_by_entry(raw: bytes, *, source: str, zone: tzinfo | None, rulebook: Rulebook) -> list[Incoming]:
    """A page that is not strict JSON as a whole: what is wrong with one entry is that entry's."""
    try:
        page = _entries.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidResource("the page is no Bundle") from None
    found: list[Incoming] = []
    for each in page.entry:
        alone = b'{"resourceType":"Bundle","type":"%s","entry":[%s]}' % (page.type.encode(), bytes(each))
        try:
            found += decode_bundle(
                check_json(alone, max_depth=_DEPTH), source=source, zone=zone, rulebook=rulebook
            )
        except MalformedInput:
            why = Unusable("malformed", "Bundle.entry", "Not JSON of one meaning: the sender must mend it.")
            found.append(unusable(why)._replace(raw=bytes(each)))
    return found


@lru_cache(maxsize=1)
def codes_asked_for() -> str:
    """The codes of the tests that are read, of whatever system: an address of two kilobytes, no longer."""
    return ",".join(sorted({*CODES, *(code for kind in kinds().values() for code in kind.codes)}))


def instant(at: datetime) -> str:
    """As FHIR writes it, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
