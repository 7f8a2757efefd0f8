"""Results that their laboratory corrected or took back, from the stored versions of what held them."""

from collections.abc import Iterable, Iterator, Sequence

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


def revisions_of(
    connection: Connection, rows: Sequence[PatientRow], results: Iterable[LabResult], rulebook: Rulebook
) -> Revisions:
    """What became of the results of one person.

    Args:
        connection: an open transaction.
        rows: the records that are theirs.
        results: those that stand now.
        rulebook: what decoding asks which values are plausible.
    """
    numbers = [row.id for row in rows]
    source_of = {row.id: sources.by_id(connection, row.source_id) for row in rows}
    corrected = {
        (source_of[version.patient_id].name, version.key)
        for version in _holding_results(resources.of_patients(connection, numbers))
        if version.patient_id is not None and _is_corrected(connection, version)
    }
    standing = {(each.key.source, each.key.resource) for each in results}
    before: dict[tuple[int, str], tuple[Source, Version]] = {}
    older = [version for _source, version in resources.older_of_patients(connection, numbers)]
    for version in _holding_results(older):
        if version.patient_id is not None and version.digest is not None and version.state != _DELETED:
            source = source_of[version.patient_id]
            before[source.id, version.key] = (source, version)
    retracted = [
        result
        for source, version in before.values()
        if (source.name, version.key) not in standing and _is_gone(connection, source, version.key)
        for result in _results(connection, source, version, rulebook)
    ]
    keys: set[ResultKey] = {each.key for each in results if (each.key.source, each.key.resource) in corrected}
    return Revisions(keys, retracted)


def _holding_results(versions: Iterable[Version]) -> Iterator[Version]:
    return (version for version in versions if version.key.partition("/")[0] in RESULT_TYPES)


def _is_corrected(connection: Connection, version: Version) -> bool:
    if version.digest is None:
        return False
    given = _status_of.decode(resources.raw(connection, version.digest))
    return (given.entry[-1].resource if given.entry else given).status in _CORRECTED


def _is_gone(connection: Connection, source: Source, key: str) -> bool:
    current = resources.current(connection, source.id, [key]).get(key)
    return current is not None and current.state == _DELETED


def _results(
    connection: Connection, source: Source, version: Version, rulebook: Rulebook
) -> tuple[LabResult, ...]:
    if version.digest is None:
        return ()
    raw = resources.raw(connection, version.digest)
    content = decode_resource(raw, source=source.name, zone=source.zone, rulebook=rulebook).content
    return content.results if isinstance(content, Observed) else ()
