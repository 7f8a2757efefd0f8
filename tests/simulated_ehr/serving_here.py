"""A simulated EHR and a subscriber in this process, for tests of what the one tells the other."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2

from service.simulated_ehr.server import Hospital, Options
from service.simulated_ehr.serving import prepared


@dataclass
class Told:
    """One request that reached the subscriber."""

    method: str
    path: str
    body: bytes
    headers: Message


@dataclass
class Listener:
    """A subscriber that notes what it is told."""

    url: str = ""
    told: list[Told] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    """Statuses of the next answers; 200 once they are used up."""

    def wait(self, count: int) -> list[Told]:
        """The first requests, once there are that many."""
        until(lambda: len(self.told) >= count)
        return self.told[:count]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()

    class Noting(BaseHTTPRequestHandler):
        def _note(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            listener.told.append(Told(self.command, self.path, body, self.headers))
            self.send_response(listener.answers.pop(0) if listener.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_PUT = do_DELETE = _note  # noqa: N815 - the names that http.server looks for

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Noting)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    listener.url = f"http://127.0.0.1:{server.server_port}/feeds/x"
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def hospital(options: Options) -> Iterator[tuple[httpx2.Client, Hospital]]:
    """One that runs, and a client of its FHIR address."""
    with socket.create_server(("127.0.0.1", 0)) as listening_socket:
        base, simulated, server = prepared(listening_socket, options)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening_socket]})
        thread.start()
        until(lambda: server.started)
        try:
            with httpx2.Client(base_url=base, trust_env=False, timeout=20) as client:
                yield client, simulated
        finally:
            server.should_exit = True
            thread.join()
