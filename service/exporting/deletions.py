"""What an export says was deleted: of what is known here, each is looked for once more before it is gone."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Final

from service.catchup import Asker
from service.errors import LiverwatchError
from service.exporting.exporter import Exporter
from service.exporting.reading import RemoteFile
from service.exporting.waiting import AskedToStop, patiently
from service.fhir.bundles import decode_bundle
from service.fhir.decode import READ_TYPES, tombstone
from service.fhir.incoming import Deleted, Incoming
from service.fhir.bulk_manifest import ExportedFile, Manifest
from service.fhir.remote import RemoteRefused
from service.fhir.strict_json import check_json
from service.loading.files import Rejection, read_pieces
from service.store import resources
from service.store.session import reading

_AT_ONCE: Final = 200
_MOST_ENTRIES: Final = 100_000


def read_deletions(exporter: Exporter, manifest: Manifest) -> None:
    """Take away what was deleted, of what is known here.

    A deletion without a version counts as later than anything that came before it: so only what the server
    itself says is gone now counts, and what has come back since is read.

    Raises:
        AskedToStop: it is to end; the next run does it again, which changes nothing.
        RemoteError: the server did not answer, several times in a row.
    """
    asker = Asker(exporter.engine, exporter.source, exporter.rules, exporter.client, exporter.clock)
    for file in manifest.deleted:
        keys = _keys(exporter, file, manifest)
        while some := list(islice(keys, _AT_ONCE)):
            if exporter.wait(0):
                raise AskedToStop
            there = _live(exporter, some)
            found = [patiently(exporter, partial(_looked_for, asker, key)) for key in there]
            asker.take(found, "file")
    exporter.exported.gone = asker.gone


def _keys(exporter: Exporter, file: ExportedFile, manifest: Manifest) -> Iterator[str]:
    """`Type/id` of what a file says was deleted, of types that are read."""
    limits = exporter.loader.limits
    remote = RemoteFile(exporter.client.bulk, file, manifest)
    for piece in read_pieces(remote, max_line=limits.line_bytes, max_document=limits.document_bytes):
        if isinstance(piece, Rejection):
            exporter.exported.rejected += 1
            continue
        for each in _decoded(exporter, piece.raw):
            if isinstance(each.content, Deleted) and each.type in READ_TYPES:
                yield f"{each.type}/{each.id}"


def _decoded(exporter: Exporter, raw: bytes) -> list[Incoming]:
    source = exporter.source
    try:
        return decode_bundle(
            check_json(raw, max_depth=exporter.loader.limits.depth),
            source=source.name,
            zone=source.zone,
            rulebook=exporter.rules.rulebook,
            max_entries=_MOST_ENTRIES,
        )
    except LiverwatchError:
        exporter.exported.rejected += 1
        return []


def _live(exporter: Exporter, keys: Iterable[str]) -> list[str]:
    """Those of them that are known here and not known to be gone."""
    with reading(exporter.engine) as connection:
        known = resources.current(connection, exporter.source.id, list(keys))
    return sorted(each.key for each in known.values() if each.state == "live")


def _looked_for(asker: Asker, key: str) -> Incoming:
    type_, _, id_ = key.partition("/")
    try:
        return asker.read_known(type_, id_)
    except RemoteRefused:  # it lets nobody read one by one: the export is all there is to go by
        asker.gone += 1
        return tombstone(type_, id_)
