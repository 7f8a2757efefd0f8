"""The files of an export, read as they come and stored as `load` stores what is on the disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from service.exporting.exporter import Exporter
from service.exporting.waiting import AskedToStop, patiently
from service.fhir.bulk_export import BulkExport
from service.fhir.bulk_manifest import ExportedFile, Manifest
from service.fhir.download import downloading
from service.loading import Opened
from service.store import exports
from service.store.exports import Export
from service.store.session import reading, writing


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of an export, as `load` reads files."""

    bulk: BulkExport
    file: ExportedFile
    manifest: Manifest
    size: Final[int] = 0
    by_lines: Final[bool] = True

    @property
    def name(self) -> str:
        """What it is called in messages: never by its address."""
        return self.file.name

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Ask for it, from its beginning.

        Raises:
            RemoteError: the server did not answer, refused, or broke off.
        """
        with (
            self.bulk.opened(self.file, self.manifest) as response,
            downloading(response, self.name) as content,
        ):
            yield Opened(content, content.position)


def read_files(exporter: Exporter, export: Export, manifest: Manifest) -> None:
    """Store what is in the files that have not been read, each noted once it is.

    Raises:
        AskedToStop: it is to end; the file under way is read again next time, which changes nothing.
        RemoteError: the server refused, or did not answer several times in a row.
        Overloaded, sqlalchemy.exc.SQLAlchemyError: as of `Loader.load`.
    """
    exported, loader = exporter.exported, exporter.loader
    with reading(exporter.engine) as connection:
        known = exports.read(connection, export.source_id)
    exported.rejected = known.rejected
    for file in manifest.output:
        if file.type not in export.types:
            exported.left_out += 1
        elif file.digest in known.digests:
            exported.before += 1
        else:
            exporter.tell(f"reading {file.name}")
            rejected = patiently(exporter, partial(_read, exporter, file, manifest))
            if loader.summary.stopped:
                raise AskedToStop
            exported.files += 1
            exported.rejected += rejected
            with writing(exporter.engine) as connection:
                exports.file_is_read(connection, export, file.digest, rejected, exporter.clock())


def _read(exporter: Exporter, file: ExportedFile, manifest: Manifest) -> int:
    """Store what is in one file; how many of its lines are no resource."""
    summary = exporter.loader.summary
    before = summary.rejected
    exporter.loader.store([RemoteFile(exporter.client.bulk, file, manifest)])
    return summary.rejected - before
