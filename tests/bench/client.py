"""A load generator small enough not to be what is measured: raw HTTP/1.1 over keep-alive connections."""

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import cast

import uvloop


def _request(path: str, secret: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n"
        f"Content-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last one is complete."""

    def __init__(self, requests: "list[bytes]", times: list[float], finished: asyncio.Future[None]) -> None:
        self._requests, self._times, self._finished = requests, times, finished
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def _next(self) -> None:
        if self._requests:
            self._sent_at = time.perf_counter()
            self._transport.write(self._requests.pop())
        else:
            self._transport.close()
            self._finished.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._finished.set_exception(RuntimeError(self._buffer.decode()))
            return
        self._times.append(time.perf_counter() - self._sent_at)
        self._buffer = rest[length:]
        self._next()


async def _run(port: int, connections: int, requests: list[bytes]) -> tuple[float, list[float]]:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    started = time.perf_counter()
    waiting = []
    for _ in range(connections):
        finished: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(
            lambda finished=finished: _Connection(requests, times, finished),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
        waiting.append(finished)
    await asyncio.gather(*waiting)
    return time.perf_counter() - started, times


def post_all(
    port: int, path: str, secret: str, bodies: Sequence[bytes], connections: int
) -> tuple[float, float, float]:
    """Post every body once.

    Returns:
        Requests a second, and the median and the 99th percentile of the answers' times in milliseconds.
    """
    requests = [_request(path, secret, body) for body in bodies]
    requests.reverse()
    took, times = uvloop.run(_run(port, connections, requests))
    times.sort()
    return len(times) / took, times[len(times) // 2] * 1000, times[int(len(times) * 0.99)] * 1000


if __name__ == "__main__":
    from tests.bench.population import observations

    port, connections, count, seed = (int(each) for each in sys.argv[1:5])
    path, secret = sys.argv[5:7]
    made = list(observations(count // 20 + 1, 5, seed))[:count]
    print(*post_all(port, path, secret, made, connections))
