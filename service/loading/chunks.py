"""Pieces of files decoded into chunks: as much as one transaction should take, however large the file."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from service.clinical.rulebook import Rulebook
from service.errors import LiverwatchError
from service.fhir.bundles import decode_bundle
from service.fhir.decode import decode_resource, resource_type
from service.fhir.incoming import Incoming
from service.fhir.strict_json import check_json
from service.loading.files import Piece, Readable, Rejection, read_pieces
from service.store.sources import Source

CHUNK_BYTES = 8 * 1024 * 1024
"""A chunk is closed at this many bytes, however few resources it holds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may hold; anything over is rejected by itself."""

    line_bytes: int = 10 * 1024 * 1024
    document_bytes: int = 128 * 1024 * 1024
    """A `.json` file is read whole, so it has a limit of its own; NDJSON may be of any length."""
    depth: int = 50


@dataclass(slots=True)
class Chunk:
    """A transaction's worth of resources."""

    incoming: list[Incoming] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    read: int = 0
    """Bytes of the files, compressed or not, read since the chunk before."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """Pieces to resources, as one source's settings say."""

    source: Source
    rulebook: Rulebook
    limits: Limits

    def chunks(self, files: Iterable[Readable], size: Callable[[], int]) -> Iterator[Chunk]:
        """Everything in the files, in order.

        Args:
            files: in the order to read them.
            size: how many resources the next chunk should hold; asked anew for each.
        """
        chunk, held, wanted = Chunk(), 0, size()
        for file in files:
            position = 0
            limits = self.limits
            for piece in read_pieces(file, max_line=limits.line_bytes, max_document=limits.document_bytes):
                if isinstance(piece, Rejection):
                    chunk.rejected.append(piece)
                    continue
                chunk.read += piece.position - position
                position = piece.position
                for incoming in self._decode(file, piece, chunk.rejected):
                    chunk.incoming.append(incoming)
                    held += len(incoming.raw)
                    if len(chunk.incoming) >= wanted or held >= CHUNK_BYTES:
                        yield chunk
                        chunk, held, wanted = Chunk(), 0, size()
            chunk.read += max(file.size - position, 0)
        yield chunk

    def _decode(self, file: Readable, piece: Piece, rejected: list[Rejection]) -> list[Incoming]:
        try:
            raw = check_json(piece.raw, max_depth=self.limits.depth)
            if not piece.line and resource_type(raw) == "Bundle":
                return decode_bundle(
                    raw,
                    source=self.source.name,
                    zone=self.source.zone,
                    rulebook=self.rulebook,
                    max_entries=len(raw),
                )
            return [
                decode_resource(raw, source=self.source.name, zone=self.source.zone, rulebook=self.rulebook)
            ]
        except LiverwatchError as error:
            rejected.append(Rejection(file.name, piece.line, _why(error, piece.line)))
            return []


def _why(error: LiverwatchError, line: int) -> str:
    """What is wrong and where; a place within an NDJSON line is told by its column alone."""
    where = error.where
    if where and line:
        where = where.removeprefix("line 1, ")
    return f"{error.message} ({where})" if where else error.message
