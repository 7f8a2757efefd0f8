"""What one version of a resource adds to the record of its patient.

The same when it arrives, when it is read again, and when a decision made on it is replayed.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from service.clinical.results import Condition, Done, LabResult, Medication, PatientRecord
from service.clinical.rulebook import Rulebook
from service.fhir.decode import decode_resource
from service.fhir.incoming import Content, Incoming, Observed, PatientFacts
from service.store import histories, resources
from service.store.histories import Context
from service.store.resources import ReadAs, Version
from service.store.sources import Source


class Said(NamedTuple):
    """What a version says, as far as judging looks at it."""

    results: tuple[LabResult, ...] = ()
    context: tuple[Context, ...] = ()
    facts: PatientFacts | None = None


NOTHING_KNOWN = PatientFacts(None, None, deceased=False)
"""Of somebody of whom no Patient resource says anything."""
_NOTHING = Said()


def said_by(content: Content, read_as: ReadAs | None) -> Said:
    """What content adds to a record, given what was made of it when it was read."""
    if read_as == "future":
        return _NOTHING
    if isinstance(content, Observed):
        results = _unordered(content.results) if read_as == "unordered" else content.results
        return Said(results, (*content.measurements, *content.done))
    if isinstance(content, Condition | Medication | Done):
        return Said(context=(content,))
    if isinstance(content, PatientFacts):
        return Said(facts=content)
    return _NOTHING


def record_of(numbers: Sequence[int], said: Sequence[tuple[int, Said]]) -> PatientRecord:
    """One person's record, from what the versions say that are current in it.

    Args:
        numbers: of all their patients; first that of the one the others were merged into.
        said: each with the number of its patient.
    """
    known = dict.fromkeys(numbers, NOTHING_KNOWN)
    known |= {number: each.facts for number, each in said if each.facts is not None}
    results = [result for _, each in said for result in each.results]
    context = [histories.Said.by(each.context) for _, each in said if each.context]
    return histories.composed(list(known.values()), results, context)


def decode_stored(connection: Connection, source: Source, version: Version, rulebook: Rulebook) -> Incoming:
    """A stored version decoded anew from its verbatim bytes, as the source's settings and the rulebook say.

    Raises:
        Damaged: its bytes are missing, or are not those that were stored.
    """
    assert version.digest is not None  # only a deletion has no bytes
    body = resources.raw(connection, version.digest)
    return decode_resource(body, source=source.name, zone=source.zone, rulebook=rulebook)


def _unordered(results: Iterable[LabResult]) -> tuple[LabResult, ...]:
    """The same results, each saying that nothing but the order of receipt made it the latest version."""
    return tuple(result._replace(flags=(*result.flags, "unordered")) for result in results)
