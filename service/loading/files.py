"""Files of FHIR resources: finding them, and reading them piece by piece in flat memory."""

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from service.errors import ConfigurationError

_BOM = b"\xef\xbb\xbf"
_ENDINGS = (".ndjson", ".json", ".ndjson.gz", ".json.gz")
_BUFFER = 1 << 18


class Content(Protocol):
    """The bytes of a file, uncompressed."""

    def read(self, size: int, /) -> bytes:
        """At most so many, fewer only at the end."""

    def readline(self, size: int, /) -> bytes:
        """Up to the end of the line, at most so many."""


class Opened(NamedTuple):
    """A file that is being read."""

    content: Content
    position: Callable[[], int]
    """Bytes of the file read so far, compressed or not."""


class Readable(Protocol):
    """Anything that is loaded, wherever it is."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def size(self) -> int:
        """Bytes, compressed or not: what progress is counted in; 0 where it is not known."""

    @property
    def by_lines(self) -> bool:
        """NDJSON: one resource a line; otherwise it is one document."""

    def opened(self) -> AbstractContextManager[Opened]:
        """Read it from its beginning."""


@dataclass(frozen=True, slots=True)
class FeedFile:
    """One file on the disk to load."""

    path: Path
    size: int
    """Bytes on the disk, compressed or not: what progress is counted in."""

    @property
    def name(self) -> str:
        """Its path, as it was given."""
        return str(self.path)

    @property
    def zipped(self) -> bool:
        """Whether it is compressed with gzip."""
        return self.path.name.lower().endswith(".gz")

    @property
    def by_lines(self) -> bool:
        """NDJSON: one resource a line; otherwise the file is one document."""
        return self.path.name.lower().removesuffix(".gz").endswith(".ndjson")

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Read it from its beginning."""
        with self.path.open("rb") as on_disk:
            yield Opened(gzip.GzipFile(fileobj=on_disk) if self.zipped else on_disk, on_disk.tell)


class Piece(NamedTuple):
    """The bytes of one resource or Bundle, as they stand in the file."""

    raw: bytes
    line: int
    """From 1; 0 for a file that is one document."""
    position: int
    """Bytes of the file read so far."""


class Rejection(NamedTuple):
    """A piece that is not a resource at all. Says where and why; never what stood there."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f", line {self.line}" if self.line else ""
        return f"{self.file}{place}: {self.message}"


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


def read_pieces(file: Readable, *, max_line: int, max_document: int) -> Iterator[Piece | Rejection]:
    """The pieces of a file, in order; blank lines are passed over.

    A piece longer than its limit (bytes, uncompressed) is rejected without being held in memory. A file that
    cannot be read to its end gives a Rejection after what could be read.
    """
    line = 0
    try:
        with file.opened() as (content, position):
            if not file.by_lines:
                yield _document(file, content, max_document)
                return
            for line, raw in _lines(content, max_line):
                if raw is None:
                    yield Rejection(file.name, line, f"a line of more than {max_line} bytes")
                elif raw:
                    yield Piece(raw, line, position())
    except (OSError, EOFError, zlib.error) as error:
        broken = isinstance(error, gzip.BadGzipFile | EOFError | zlib.error)
        why = "the compressed data is broken or ends early" if broken else str(error)
        yield Rejection(file.name, line + 1 if file.by_lines else 0, f"cannot be read on: {why}")


def _document(file: Readable, content: Content, limit: int) -> Piece | Rejection:
    raw = content.read(limit + 1)
    if len(raw) > limit:
        return Rejection(file.name, 0, f"a document of more than {limit} bytes; load it as NDJSON")
    return Piece(raw, 0, file.size)


def _lines(content: Content, limit: int) -> Iterator[tuple[int, bytes | None]]:
    """Number and content of each line, without the white space around it; None where it is too long."""
    number = 0
    while line := content.readline(limit + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if len(line) > limit and not line.endswith(b"\n"):
            while (rest := content.readline(_BUFFER)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        else:
            yield number, line.strip()
