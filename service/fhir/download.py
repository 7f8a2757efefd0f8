"""A response as a file that is read line by line: flat memory, gzip taken apart, never more than a limit."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx2

from service.fhir.remote import RemoteRefused, RemoteUnavailable

MAX_BYTES: Final = 64 * 1024**3
"""Of one file, uncompressed: far above what servers write, far below what fills a night."""
_GZIP: Final = b"\x1f\x8b"
"""How such a file begins, whatever its headers say; no JSON does."""


class Download:
    """The uncompressed bytes of one response."""

    def __init__(self, response: httpx2.Response, name: str, limit: int = MAX_BYTES) -> None:
        """Begin.

        Args:
            response: under way.
            name: what it is called in messages.
            limit: bytes at most, uncompressed.
        """
        self._arriving = _Arriving(response)
        zipped = self._arriving.begins_with(_GZIP)
        buffered = io.BufferedReader(self._arriving)
        self._plain: io.BufferedIOBase = gzip.GzipFile(fileobj=buffered) if zipped else buffered
        self._name, self._left = name, limit

    def position(self) -> int:
        """Bytes that have come, as they came."""
        return self._arriving.received

    def read(self, size: int, /) -> bytes:
        """At most so many; none at the end.

        Raises:
            RemoteRefused: it is longer than the limit.
        """
        return self._counted(self._plain.read(size))

    def readline(self, size: int, /) -> bytes:
        """Up to the end of the line, at most so many; none at the end.

        Raises:
            RemoteRefused: it is longer than the limit.
        """
        return self._counted(self._plain.readline(size))

    def _counted(self, read: bytes) -> bytes:
        self._left -= len(read)
        if self._left < 0:
            raise RemoteRefused(f"{self._name}: it is longer than is taken")
        return read


@contextmanager
def downloading(response: httpx2.Response, name: str) -> Iterator[Download]:
    """Read a response line by line.

    Raises:
        RemoteUnavailable: what comes is broken, or ends early.
    """
    try:
        yield Download(response, name)
    except (OSError, EOFError, zlib.error):
        raise RemoteUnavailable(f"{name}: what came is broken, or ended early") from None


class _Arriving(io.RawIOBase):
    """The bytes of a response as they come."""

    def __init__(self, response: httpx2.Response) -> None:
        self._chunks = response.iter_raw()
        self._rest = memoryview(b"")
        self.received = 0

    def begins_with(self, mark: bytes) -> bool:
        """Whether these are its first bytes, however few come at once."""
        while len(self._rest) < len(mark) and (chunk := next(self._chunks, None)) is not None:
            self._rest = memoryview(bytes(self._rest) + chunk)
            self.received += len(chunk)
        return bytes(self._rest[: len(mark)]) == mark

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """As the protocol of raw streams has it."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
            self.received += len(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
