"""Reading a request's body within its limits, and finding out what it is."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from service.errors import MalformedInput, TooLarge, UnsupportedMediaType

_JSON = ("application/fhir+json", "application/json", "text/json")


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a request may be."""

    resource_bytes: int
    bundle_bytes: int
    bundle_entries: int
    depth: int


def check_media_type(request: Request) -> None:
    """Only plain JSON is read.

    Raises:
        UnsupportedMediaType: XML or anything else, or a compressed body.
    """
    stated = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if stated and stated not in _JSON and not stated.endswith("+json"):
        raise UnsupportedMediaType("only JSON is read here: send Content-Type application/fhir+json")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("compressed bodies are not read here: send without Content-Encoding")


async def read_body(request: Request, limits: Limits, make_room: Callable[[int], None]) -> bytes:
    """The whole body, never more of it than a Bundle may have.

    Args:
        request: whose body it is.
        limits: how large it may be.
        make_room: told how many bytes are about to be held, before they are read; raises where that is too
            many. A body without Content-Length makes room as it comes.

    Raises:
        TooLarge: it is larger; reading stops there.
        MalformedInput: Content-Length is no usable number, or the client hung up within the body.
    """
    stated = request.headers.get("content-length")
    if stated is not None:
        if not (stated.isascii() and stated.isdigit() and len(stated) < 20):
            raise MalformedInput("Content-Length is not a number")
        if int(stated) > limits.bundle_bytes:
            raise _too_large(limits)
        make_room(int(stated))
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limits.bundle_bytes:
                raise _too_large(limits)
            if stated is None:
                make_room(size)
            chunks.append(chunk)
    except ClientDisconnect:
        raise MalformedInput("the body ended before it was complete") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limits: Limits) -> TooLarge:
    return TooLarge(
        f"the body is too large: at most {limits.resource_bytes} bytes for a resource, {limits.bundle_bytes} "
        "for a Bundle; send it in parts, or raise LIVERWATCH_MAX_BODY_BYTES and LIVERWATCH_MAX_BUNDLE_BYTES"
    )
