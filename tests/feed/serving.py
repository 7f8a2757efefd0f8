"""The service as it really runs: a process of its own, which a test may kill."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx2
import uvicorn
from fastapi import FastAPI

from tests.feed.sending import BEARER, FEED, SECRET

PATIENCE_SECONDS = 60.0


class Served:
    """A running `liverwatch serve`."""

    def __init__(
        self,
        database_url: str,
        port: int,
        *,
        output: IO[str] | int = subprocess.DEVNULL,
        source: Mapping[str, Any] | None = None,
        **settings: object,
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        given: dict[str, object] = {"database_url": database_url, "settle_seconds": 0, "sweep_seconds": 3600}
        given["sources"] = json.dumps([{"name": "hospital", "secret": SECRET, **(source or {})}])
        given |= settings
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve", "--port", str(port)],
            env=os.environ | {f"LIVERWATCH_{name.upper()}": str(value) for name, value in given.items()},
            stdout=output,
            stderr=None if output == subprocess.DEVNULL else subprocess.STDOUT,
        )

    def wait_until_live(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the service ended by itself"
            try:
                if httpx2.get(f"{self.url}/health/live", trust_env=False).status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.05)
        raise AssertionError("the service did not start")

    def kill(self) -> None:
        """As a power cut does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def client(self) -> httpx2.Client:
        """Sends with the secret."""
        return httpx2.Client(base_url=self.url, headers=BEARER, trust_env=False, timeout=PATIENCE_SECONDS)

    def peak_memory(self) -> int:
        """The most memory the process has had, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def serving(database_url: str, **more: Any) -> Iterator[Served]:
    """Run one on that database; it is killed at the end."""
    served = Served(database_url, free_port(), **more)
    try:
        served.wait_until_live()
        yield served
    finally:
        served.kill()


@contextmanager
def serving_here(app: FastAPI) -> Iterator[str]:
    """The same in this process, where its start takes no time; the address it is served at."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def post(client: httpx2.Client, body: Any) -> int:
    """The status it was answered with; 0 where there was no answer."""
    try:
        return client.post(FEED, json=body).status_code
    except httpx2.TransportError:
        return 0
