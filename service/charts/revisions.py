"""Results that their laboratory corrected or took back, from the stored versions of what held them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from service.charts.course import Revisions
from service.clinical.results import LabResult, ResultKey
from service.clinical.rulebook import Rulebook
from service.fhir.decode import decode_resource
from service.fhir.incoming import RESULT_TYPES, Observed
from service.store import resources, sources
from service.store.patients import PatientRow
from service.store.resources import Version
from service.store.sources import Source

_CORRECTED = frozenset({"corrected", "amended"})
_DELETED = "deleted"


class _Entry(msgspec.Struct):
    resource: "_Status"


class _Status(msgspec.Struct):
    status: str | None = None
    entry: list[_Entry] = []
    """Of a resource that came in a Bundle and was kept with what it refers to: itself is the last."""


_status_of = msgspec.json.Decoder(_Status)


class Older(NamedTuple):
    """A version of something that holds results, and counts no more."""

    source: Source
    version: Version
    results: Sequence[LabResult]
    """As it stated them; none where they could not be used."""


def older_results(connection: Connection, rows: Sequence[PatientRow], rulebook: Rulebook) -> list[Older]:
    """The results of every version that is not current, decoded again from what was received, in its order.

    Args:
        connection: an open transaction.
        rows: the records of one person.
        rulebook: what decoding asks which values are plausible.
    """
    of_id = {each: sources.by_id(connection, each) for each in {row.source_id for row in rows}}
    stored = resources.older_of_patients(connection, [row.id for row in rows])
    held = [
        (of_id[source], each) for source, each in stored if each.state != _DELETED and _holds_results(each)
    ]
    raws = resources.raws(connection, {each.digest for _, each in held if each.digest is not None})
    return [
        Older(source, each, _results(raws[each.digest], source, rulebook))
        for source, each in held
        if each.digest is not None
    ]


def times_changed(older: Iterable[Older], results: Iterable[LabResult]) -> Counter[ResultKey]:
    """How many final versions before the current one said something else, of each result of which any did."""
    current = {each.key: each for each in results}
    return Counter(
        old.key
        for version in older
        for old in version.results
        if not old.preliminary and (new := current.get(old.key)) is not None and not same(old, new)
    )


def same(one: LabResult, other: LabResult) -> bool:
    """Whether two versions of a result say the same."""
    mine: tuple[object, ...] = (one.analyte, one.value, one.comparator, one.day)
    return mine == (other.analyte, other.value, other.comparator, other.day)


def revisions_of(
    connection: Connection, rows: Sequence[PatientRow], results: Sequence[LabResult], older: Iterable[Older]
) -> Revisions:
    """What became of the results of one person.

    Args:
        connection: an open transaction.
        rows: the records that are theirs.
        results: those that stand now.
        older: the versions that do not.
    """
    older = list(older)
    corrected = _said_to_be_corrected(connection, rows)
    standing = {(each.key.source, each.key.resource) for each in results}
    last = {(each.source.id, each.version.key): each for each in older}
    retracted = [
        result
        for each in last.values()
        if (each.source.name, each.version.key) not in standing and _is_gone(connection, each)
        for result in each.results
    ]
    said = {each.key for each in results if (each.key.source, each.key.resource) in corrected}
    return Revisions(said | times_changed(older, results).keys(), retracted)


def _holds_results(version: Version) -> bool:
    return version.key.partition("/")[0] in RESULT_TYPES


def _said_to_be_corrected(connection: Connection, rows: Sequence[PatientRow]) -> set[tuple[str, str]]:
    """Source and key of what its laboratory calls corrected."""
    name_of = {row.id: sources.by_id(connection, row.source_id).name for row in rows}
    held = [each for each in resources.of_patients(connection, list(name_of)) if _holds_results(each)]
    raws = resources.raws(connection, {each.digest for each in held if each.digest is not None})
    return {
        (name_of[each.patient_id], each.key)
        for each in held
        if each.patient_id is not None and each.digest is not None and _is_corrected(raws[each.digest])
    }


def _is_corrected(raw: bytes) -> bool:
    given = _status_of.decode(raw)
    return (given.entry[-1].resource if given.entry else given).status in _CORRECTED


def _is_gone(connection: Connection, older: Older) -> bool:
    key = older.version.key
    current = resources.current(connection, older.source.id, [key]).get(key)
    return current is not None and current.state == _DELETED


def _results(raw: bytes, source: Source, rulebook: Rulebook) -> tuple[LabResult, ...]:
    content = decode_resource(raw, source=source.name, zone=source.zone, rulebook=rulebook).content
    return content.results if isinstance(content, Observed) else ()
