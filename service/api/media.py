"""What a client can be answered with: FHIR R4 as JSON, under the name it asks for."""

from typing import Any, ClassVar, Final

from starlette.requests import Request
from starlette.responses import Response

from service.errors import LiverwatchError
from service.fhir.outgoing import MEDIA_TYPE, to_bytes

_FORMATS: Final = {
    "json": MEDIA_TYPE,
    "application/fhir+json": MEDIA_TYPE,
    "application/json": "application/json",
    "text/json": "application/json",
}
_ANYTHING: Final = frozenset({"*/*", "application/*"})
_R4: Final = frozenset({"4.0", "4.0.1"})


class NotAcceptable(LiverwatchError):
    """The client takes nothing that this service makes."""

    status: ClassVar[int] = 406
    issue_code: ClassVar[str] = "not-supported"


def media_type(request: Request, asked: str | None) -> str:
    """The Content-Type to answer with.

    Args:
        request: for its Accept header.
        asked: the `_format` parameter, which wins over the header.

    Raises:
        NotAcceptable: XML, another FHIR version, or anything else that is not R4 JSON.
    """
    # In a query a plus sign that was not escaped arrives as a space.
    accept = asked.replace("fhir json", "fhir+json") if asked else request.headers.get("accept") or "*/*"
    wanted = sorted((_ranked(each) for each in accept.split(",") if each.strip()), key=lambda each: -each[0])
    for quality, name, version in wanted:
        if quality > 0 and version in _R4:
            if name in _FORMATS:
                return _FORMATS[name]
            if name in _ANYTHING and not asked:
                return MEDIA_TYPE
    raise NotAcceptable("only FHIR R4 as JSON is served here: accept application/fhir+json")


def _ranked(entry: str) -> tuple[float, str, str]:
    """Quality, name and FHIR version of one entry of an Accept header."""
    name, *parameters = (part.strip() for part in entry.split(";"))
    stated = dict(each.replace(" ", "").partition("=")[::2] for each in parameters)
    try:
        quality = float(stated.get("q", "1"))
    except ValueError:
        quality = 0.0
    return quality, name.lower(), stated.get("fhirVersion", "4.0").strip('"')


def answer(resource: dict[str, Any], content_type: str, headers: dict[str, str] | None = None) -> Response:
    """A success. Patient data: no cache may keep it."""
    return Response(
        to_bytes(resource),
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type=content_type,
    )
