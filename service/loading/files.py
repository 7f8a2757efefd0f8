"""Files of FHIR resources: finding them, and reading them piece by piece in flat memory."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from service.errors import ConfigurationError

_BOM = b"\xef\xbb\xbf"
_ENDINGS = (".ndjson", ".json", ".ndjson.gz", ".json.gz")
_BUFFER = 1 << 18


@dataclass(frozen=True, slots=True)
class FeedFile:
    """One file to load."""

    path: Path
    size: int
    """Bytes on the disk, compressed or not: what progress is counted in."""

    @property
    def zipped(self) -> bool:
        """Whether it is compressed with gzip."""
        return self.path.name.lower().endswith(".gz")

    @property
    def by_lines(self) -> bool:
        """NDJSON: one resource a line; otherwise the file is one document."""
        return self.path.name.lower().removesuffix(".gz").endswith(".ndjson")


class Piece(NamedTuple):
    """The bytes of one resource or Bundle, as they stand in the file."""

    raw: bytes
    line: int
    """From 1; 0 for a file that is one document."""
    position: int
    """Bytes of the file read so far."""


class Rejection(NamedTuple):
    """A piece that is not a resource at all. Says where and why; never what stood there."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        place = f", line {self.line}" if self.line else ""
        return f"{self.path}{place}: {self.message}"


def find_files(paths: Sequence[Path]) -> list[FeedFile]:
    """The files named, and those in the directories named (at any depth, in order of name), each once.

    Raises:
        ConfigurationError: a path is not there, cannot be read, or is of a kind that is not loaded.
    """
    found: dict[Path, FeedFile] = {}
    for path in paths:
        try:
            inside = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
            chosen = [each for each in inside if each.name.lower().endswith(_ENDINGS)]
            if not chosen:
                raise ConfigurationError(
                    f"{path}: only {', '.join(_ENDINGS)} and folders of those are loaded"
                )
            for each in chosen:
                found.setdefault(each.resolve(), FeedFile(each, each.stat().st_size))
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}") from error
    return list(found.values())


def read_pieces(file: FeedFile, *, max_line: int, max_document: int) -> Iterator[Piece | Rejection]:
    """The pieces of a file, in order; blank lines are passed over.

    A piece longer than its limit (bytes, uncompressed) is rejected without being held in memory. A file that
    cannot be read to its end gives a Rejection after what could be read.
    """
    line = 0
    try:
        with file.path.open("rb") as on_disk:
            unzipped = gzip.GzipFile(fileobj=on_disk) if file.zipped else on_disk
            stream: BinaryIO = unzipped  # type: ignore[assignment]
            if not file.by_lines:
                yield _document(file, stream, max_document)
                return
            for line, raw in _lines(stream, max_line):
                if raw is None:
                    yield Rejection(file.path, line, f"a line of more than {max_line} bytes")
                elif raw:
                    yield Piece(raw, line, on_disk.tell())
    except (OSError, EOFError, zlib.error) as error:
        why = "the compressed data is broken or ends early" if file.zipped else str(error)
        yield Rejection(file.path, line + 1 if file.by_lines else 0, f"cannot be read on: {why}")


def _document(file: FeedFile, stream: BinaryIO, limit: int) -> Piece | Rejection:
    raw = stream.read(limit + 1)
    if len(raw) > limit:
        return Rejection(file.path, 0, f"a document of more than {limit} bytes; load it as NDJSON")
    return Piece(raw, 0, file.size)


def _lines(stream: BinaryIO, limit: int) -> Iterator[tuple[int, bytes | None]]:
    """Number and content of each line, without the white space around it; None where it is too long."""
    number = 0
    while line := stream.readline(limit + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if len(line) > limit and not line.endswith(b"\n"):
            while (rest := stream.readline(_BUFFER)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        else:
            yield number, line.strip()
