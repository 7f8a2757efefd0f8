"""What requests hold and answers look like."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from service.simulated_ehr.encoding import FHIR_JSON, decode, encode
from service.simulated_ehr.records import Refusal, Resource


async def body_of(request: Request) -> Resource:
    """The resource in a request.

    Raises:
        Refusal: 400 where there is none.
    """
    try:
        body = decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
        raise Refusal(400, "structure", "the body is not JSON") from None
    if not isinstance(body, dict) or not isinstance(body.get("resourceType"), str):
        raise Refusal(400, "structure", "a FHIR resource is expected")
    return body


def number_in(chosen: dict[str, str], name: str, default: int) -> int:
    """A whole number among parameters.

    Raises:
        Refusal: 400 where it is none.
    """
    given = chosen.get(name, "")
    if not given:
        return default
    if not (given.isascii() and given.isdigit()):
        raise Refusal(400, "value", f"{name}: a number is expected")
    return int(given)


async def form_of(request: Request) -> list[tuple[str, str]]:
    """The fields of a form in a request; none where there is no form.

    Raises:
        Refusal: 400 where it is not text.
    """
    try:
        return parse_qsl((await request.body()).decode(), keep_blank_values=True)
    except ValueError:
        raise Refusal(400, "structure", "a form is expected") from None


def base_of(request: Request) -> str:
    """The FHIR base URL, as the caller knows it."""
    return f"{str(request.base_url).rstrip('/')}/fhir"


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in FHIR JSON."""
    return Response(encode(content), status, headers, media_type=FHIR_JSON)
