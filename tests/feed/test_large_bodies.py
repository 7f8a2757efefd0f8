"""A body that is too large is refused without being read to its end and without using memory."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.feed.sending import FEED, SECRET
from tests.feed.serving import Served, serving

MEGABYTE = 1024 * 1024
HUNDRED = 100 * MEGABYTE

pytestmark = pytest.mark.slow


@pytest.fixture
def served(sqlite_url: str) -> Iterator[Served]:
    with serving(sqlite_url) as served:
        yield served


def connect(served: Served, *headers: str, secret: str = SECRET) -> socket.socket:
    """A request whose body has not been sent yet."""
    parts = urlsplit(served.url)
    connection = socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=30)
    lines = [f"POST {FEED} HTTP/1.1", f"Host: {parts.netloc}", f"Authorization: Bearer {secret}", *headers]
    connection.sendall("\r\n".join([*lines, "Content-Type: application/fhir+json", "", ""]).encode())
    return connection


def answer(connection: socket.socket) -> bytes:
    received = b""
    while b"OperationOutcome" not in received:
        more = connection.recv(65536)
        if not more:
            break
        received += more
    return received


def pour(connection: socket.socket) -> int:
    """Send 100 MB in chunks for as long as somebody takes them; how many bytes went out."""
    megabyte = b"%x\r\n%s\r\n" % (MEGABYTE, b" " * MEGABYTE)
    for sent in range(100):
        try:
            connection.sendall(megabyte)
        except OSError:
            return sent * MEGABYTE
    return HUNDRED


def test_a_stated_length_of_100_mb_is_refused_before_a_byte_of_it_is_sent(served: Served) -> None:
    with connect(served, f"Content-Length: {HUNDRED}") as connection:
        assert answer(connection).startswith(b"HTTP/1.1 413 ")


def test_100_mb_in_chunks_are_refused_on_the_way_and_take_no_memory(served: Served) -> None:
    before = served.peak_memory()
    with connect(served, "Transfer-Encoding: chunked") as connection:
        sent = pour(connection)
        assert answer(connection).startswith(b"HTTP/1.1 413 ")
    assert sent < 50 * MEGABYTE
    assert served.peak_memory() - before < 50 * MEGABYTE


def test_without_the_secret_not_even_the_first_byte_is_wanted(served: Served) -> None:
    with connect(served, "Content-Length: 1000", "Expect: 100-continue", secret="wrong") as connection:
        assert answer(connection).startswith(b"HTTP/1.1 401 ")
    before = served.peak_memory()
    with connect(served, "Transfer-Encoding: chunked", secret="wrong") as connection:
        pour(connection)
    assert served.peak_memory() - before < 20 * MEGABYTE


def test_with_the_secret_the_body_is_asked_for(served: Served) -> None:
    with connect(served, "Content-Length: 2", "Expect: 100-continue") as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"{}")
        assert answer(connection).startswith(b"HTTP/1.1 400 ")
