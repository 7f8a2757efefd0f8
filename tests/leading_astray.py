"""An EHR that wants to be believed about other places, and a listener there that counts who comes."""

import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Answer = tuple[int, dict[str, str], Any]
"""Status, headers, and what is sent as JSON."""
Behaviour = Callable[["Elsewhere", str, str], Answer]
"""What is answered to a method and path."""


@dataclass
class Elsewhere:
    """Listens on this machine, answers nobody, and knows how often it was connected to."""

    port: int
    visits: int = 0
    _spellings: Iterator[str] = field(init=False)
    ehr: str = ""
    """Host and port of the EHR."""

    def __post_init__(self) -> None:
        self._spellings = itertools.cycle(
            (
                "http://127.0.0.1:{port}",
                "//127.0.0.1:{port}",
                "http://localhost:{port}",
                "http://{ehr}@127.0.0.1:{port}",
                "http://user:{ehr}@127.0.0.1:{port}",
                "http:\\\\127.0.0.1:{port}",
                "/\\127.0.0.1:{port}",
                "http://127.1:{port}",
                "http://2130706433:{port}",
                "http://[::ffff:127.0.0.1]:{port}",
                "HTTP://127.0.0.1:{port}",
                " http://127.0.0.1:{port}",
            )
        )

    def url(self, path: str = "/fhir") -> str:
        """Its address, each time spelt in another way."""
        return next(self._spellings).format(port=self.port, ehr=self.ehr) + path

    def resource(self, kind: str, id_: str) -> dict[str, Any]:
        """A resource that names addresses here wherever one may stand."""
        here = f"http://127.0.0.1:{self.port}"
        return {
            "resourceType": kind,
            "id": id_,
            "implicitRules": f"{here}/rules",
            "meta": {"versionId": "1", "source": f"{here}/source", "profile": [f"{here}/profile"]},
            "contained": [
                {"resourceType": "Patient", "id": "in", "photo": [{"url": f"{here}/photo"}]},
                {"resourceType": "Patient", "id": "out", "link": [{"other": {"reference": self.url()}}]},
            ],
            "extension": [{"url": f"{here}/extension", "valueUrl": self.url()}],
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "1742-6"}]},
            "subject": {"reference": f"{here}/fhir/Patient/p1"},
            "encounter": {"reference": self.url("/fhir/Encounter/1")},
            "hasMember": [{"reference": self.url("/fhir/Observation/m1")}],
            "endpoint": self.url(),
        }

    def outcome(self) -> dict[str, Any]:
        """An OperationOutcome that recommends to look here."""
        said = {"severity": "error", "code": "processing", "diagnostics": f"see {self.url()}"}
        return {"resourceType": "OperationOutcome", "issue": [{**said, "location": [self.url()]}]}

    def headers(self) -> dict[str, str]:
        """Every header that may lead somewhere."""
        names = ("Location", "Content-Location", "Refresh", "Link", "WWW-Authenticate", "Alt-Svc")
        made = {name: self.url() for name in names}
        made["Refresh"] = f"0; url={self.url()}"
        made["Link"] = f'<{self.url()}>; rel="next"'
        made["WWW-Authenticate"] = f'Bearer realm="{self.url()}", authorization_uri="{self.url()}"'
        made["Alt-Svc"] = f'h2="127.0.0.1:{self.port}"'
        return {name: value.strip() for name, value in made.items()}


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        here = Elsewhere(listening.getsockname()[1])

        def count() -> None:
            while True:
                connection, _ = listening.accept()
                with connection:
                    if over.is_set():
                        return
                    here.visits += 1

        over = threading.Event()
        thread = threading.Thread(target=count)
        thread.start()
        try:
            yield here
        finally:
            over.set()
            socket.create_connection(("127.0.0.1", here.port)).close()
            thread.join()


@contextmanager
def ehr_that(behaves: Behaviour, away: Elsewhere) -> Iterator[tuple[str, list[str]]]:
    """Its FHIR base URL, and what it is asked: method and path."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            path = urlsplit(self.path).path.removeprefix("/fhir").lstrip("/")
            asked.append(f"{self.command} {path}")
            status, headers, content = behaves(away, self.command, path)
            body = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    away.ehr = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{away.ehr}/fhir", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
