"""Between a server and the feed: loses, repeats and disorders what passes, by chance and seed."""

import http.client
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.peer.strict_server import QuietHandler, listening, serving

_HELD_BACK = 20
"""So many are held at a time, and one of them goes on when another comes."""


class LossyFeed:
    """Answers every notification, and brings most of them."""

    def __init__(self, target: str, *, lose: float, duplicate: float, seed: int = 1) -> None:
        self.lost = self.brought = 0
        self.refused: list[int] = []
        """Statuses other than success that the feed answered with."""
        self._target = urlsplit(target)
        self._chance = random.Random(seed)
        self._lose, self._duplicate = lose, duplicate
        self._held: list[tuple[str, str, bytes, dict[str, str]]] = []
        self._lock = threading.Lock()
        lossy = self

        class Handler(QuietHandler):
            def _notified(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                kept = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
                lossy._pass((self.command, self.path, body, kept))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_PUT = do_DELETE = _notified  # noqa: N815 (the names that http.server looks for)

        self._server, origin = listening(Handler)
        self.url = f"{origin}{self._target.path}"

    @contextmanager
    def running(self) -> Iterator["LossyFeed"]:
        with serving(self._server):
            yield self

    @property
    def seen(self) -> int:
        """Notifications that came, lost ones too."""
        with self._lock:
            return self.lost + self.brought + len(self._held)

    def let_go(self) -> None:
        """Bring what is still held back, in any order."""
        with self._lock:
            self._chance.shuffle(self._held)
            while self._held:
                self._bring(self._held.pop())

    def _pass(self, request: tuple[str, str, bytes, dict[str, str]]) -> None:
        with self._lock:
            if self._chance.random() < self._lose:
                self.lost += 1
                return
            self._held.append(request)
            if len(self._held) > _HELD_BACK:
                self._bring(self._held.pop(self._chance.randrange(len(self._held))))

    def _bring(self, request: tuple[str, str, bytes, dict[str, str]]) -> None:
        self.brought += 1
        for _ in range(2 if self._chance.random() < self._duplicate else 1):
            method, path, body, headers = request
            connection = http.client.HTTPConnection(
                self._target.hostname or "", self._target.port, timeout=30
            )
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            answer.read()
            connection.close()
            if answer.status >= 300:
                self.refused.append(answer.status)


_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "keep-alive"})
