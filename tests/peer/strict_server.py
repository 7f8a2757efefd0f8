"""The strict FHIR server in Node, and a proxy before it that loses or holds answers."""

import http.client
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Resource = dict[str, Any]
TOKEN = "peer-secret"
KINDS = ("Device", "DetectedIssue", "ServiceRequest", "CommunicationRequest", "Task", "Provenance")
"""What we write."""


class Peer:
    """The server, spoken to directly, as somebody else at the EHR would."""

    def __init__(self, port: int) -> None:
        self.port = port

    def request(self, method: str, path: str, body: Resource | None = None) -> Resource:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/fhir+json"}
        connection.request(method, f"/fhir/R4/{path}", json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        answer: Resource = json.loads(response.read() or b"{}")
        connection.close()
        assert response.status < 300, (method, path, response.status, answer)
        return answer

    def all(self, kind: str, query: str = "") -> list[Resource]:
        bundle = self.request("GET", f"{kind}?_count=1000{query}")
        return [entry["resource"] for entry in bundle.get("entry", [])]

    def state(self) -> dict[str, str]:
        """Every resource of ours with the version it is at."""
        return {f"{kind}/{r['id']}": r["meta"]["versionId"] for kind in KINDS for r in self.all(kind)}

    def clear(self) -> None:
        for reference in self.state():
            self.request("DELETE", reference)

    def validate(self, resource: Resource) -> None:
        self.request("POST", f"{resource['resourceType']}/$validate", resource)


@contextmanager
def strict_server(directory: Path, **environment: str) -> Iterator[Peer]:
    """Lend a running server, with more of its settings."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    process = subprocess.Popen(
        ["node", "server.mjs", str(port)],
        cwd=directory,
        env={**os.environ, "PEER_TOKEN": TOKEN, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _wait in range(300):
            assert process.poll() is None, "the FHIR peer ended"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield Peer(port)
    finally:
        process.terminate()
        process.wait(10)


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps connections, and logs nothing."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (named so there)
        pass


def listening(handler: type[QuietHandler]) -> tuple[ThreadingHTTPServer, str]:
    """A server on a free port of this machine, and its origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    return server, f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    """Let it serve."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class Proxy:
    """Stands before the server; `before` and `after` may wait or raise ConnectionError for a request."""

    def __init__(self, peer: Peer) -> None:
        self.before: Callable[[str, str], None] = lambda _method, _path: None
        self.after: Callable[[str, str], None] = lambda _method, _path: None
        proxy = self

        class Handler(QuietHandler):
            def _forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=20)
                try:
                    proxy.before(self.command, self.path)
                    connection.request(self.command, self.path, body or None, dict(self.headers))
                    response = connection.getresponse()
                    content = response.read()
                    proxy.after(self.command, self.path)
                except ConnectionError:
                    self.close_connection = True
                    return
                finally:
                    connection.close()
                self.send_response(response.status)
                self.send_header("Content-Type", "application/fhir+json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = _forward  # noqa: N815 (the names that http.server looks for)

        self._server, origin = listening(Handler)
        self.url = f"{origin}/fhir/R4"

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        with serving(self._server):
            yield self

    def lose_answer_to(self, method: str, path: str) -> None:
        """The next such request is carried out, and its answer lost."""

        def after(asked: str, where: str) -> None:
            if (asked, where) == (method, f"/fhir/R4{path}"):
                self.after = lambda _method, _path: None
                raise ConnectionError

        self.after = after
