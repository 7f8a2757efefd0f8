"""What a form sent, and whether it was one of our own pages that sent it."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from urllib.parse import parse_qs

from fastapi import Depends
from starlette.requests import Request

from service.errors import Forbidden, MalformedInput, TooLarge
from service.urls import origin_of

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN_FIELD: Final = "csrf_token"  # noqa: S105 - the name of a field
TOKEN_HEADER: Final = "x-csrf-token"  # noqa: S105 - the name of a header
LARGEST: Final = 64 * 1024
"""Bytes of a form."""
MOST_FIELDS: Final = 1000
_FORM: Final = "application/x-www-form-urlencoded"
_NUL: Final = b"%00"
"""U+0000, which PostgreSQL keeps in no text; as it stands in a form or an address."""


class Forged(Forbidden):
    """A request that none of our pages made, or one that was open for longer than its session."""


async def _fields(request: Request) -> Mapping[str, Sequence[str]]:
    """The fields of the form in the body, each with its values; none where there is no form."""
    if _NUL in request.scope["query_string"].lower():
        raise MalformedInput("the address has U+0000 in it, which no text may have")
    if request.method in SAFE_METHODS:
        return {}
    length = request.headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        raise MalformedInput("a form needs a Content-Length")
    if int(length) > LARGEST:
        raise TooLarge(f"a form may have {LARGEST} bytes")
    if not request.headers.get("content-type", _FORM).lower().startswith(_FORM):
        return {}
    body = await request.body()
    if _NUL in body.lower() or b"\0" in body:
        raise MalformedInput("the form has U+0000 in it, which no text may have")
    try:
        return parse_qs(
            body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise MalformedInput("the form cannot be read") from error


Fields = Annotated[Mapping[str, Sequence[str]], Depends(_fields)]
"""An endpoint that takes one of these gets the fields of the form that was sent, each with all its values."""


def _sent(fields: Fields) -> Mapping[str, str]:
    return {name: values[-1] for name, values in fields.items()}


Sent = Annotated[Mapping[str, str], Depends(_sent)]
"""The same, each as its last text."""


def token_of(session_token: str) -> str:
    """What the forms of a session must send: known to its pages alone."""
    return hmac.new(session_token.encode(), b"csrf", hashlib.sha256).hexdigest()


def check_token(request: Request, fields: Mapping[str, str], session_token: str) -> None:
    """Refuse what does not come from a page of this session.

    Raises:
        Forged: the token is missing or another.
    """
    sent = request.headers.get(TOKEN_HEADER) or fields.get(TOKEN_FIELD, "")
    if not hmac.compare_digest(sent.encode("utf-8", "replace"), token_of(session_token).encode()):
        raise Forged("this page has been open for too long: go back, load it again, and repeat the step")


def check_origin(request: Request) -> None:
    """Refuse what another site's page sends; browsers say which did.

    Raises:
        Forged: it was another, or the browser does not say.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is None:
        raise Forged("this browser does not say which page sent the form: a newer one does")
    if site is not None and site != "same-origin":
        raise Forged("this form was sent by a page of another site")
    if origin is not None and not _is_ours(request, origin):
        raise Forged("this form was sent by a page of another site")


def _is_ours(request: Request, origin: str) -> bool:
    # By either name: a proxy may hand on another host than the public one, and on one machine there are two.
    public = origin_of(request.app.state.settings.public_url)
    here = origin_of(f"{origin_of(origin)[0]}://{request.headers.get('host', '')}")
    return origin_of(origin) in (public, here) and origin != "null"
