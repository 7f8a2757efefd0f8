"""How many bytes of bodies the feed may hold at once: being read, decoded, queued or written."""

import threading
from types import TracebackType
from typing import Self

from service.errors import Overloaded

RETRY_AFTER_SECONDS = 2


class Memory:
    """What all requests under way share. It is full at `limit`; one body is let in beyond it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        """Bytes held now."""
        return self._held

    def check(self, own: int = 0) -> None:
        """See whether a request that holds `own` bytes may hold more.

        Raises:
            Overloaded: what the others hold is too much already.
        """
        if self._held - own >= self._limit:
            raise Overloaded(
                "too many requests are waiting; nothing was taken", retry_after=RETRY_AFTER_SECONDS
            )

    def exchange(self, before: int, after: int) -> None:
        """Let a request hold `after` bytes instead of `before`.

        Raises:
            Overloaded: it is more, and what the others hold is too much already.
        """
        with self._lock:
            if after > before:
                self.check(before)
            self._held += after - before


class Room:
    """The share of one request, given back when its block ends."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory.exchange(self._size, 0)

    def widen(self, size: int) -> None:
        """Have room for `size` bytes in all.

        Raises:
            Overloaded: what the others hold is too much already.
        """
        self._memory.exchange(self._size, size)
        self._size = size
