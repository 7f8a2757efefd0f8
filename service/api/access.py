"""Who may read: bearer tokens, each of which sees the sources it was made for and nothing else."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from service.errors import Forbidden, Unauthenticated
from service.store.session import reading
from service.store.sources import Reader, reader_of

_LONGEST_TOKEN = 512


def authenticate(request: Request) -> Reader:
    """Whom the request's bearer token stands for.

    Raises:
        Unauthenticated: there is no token, or it is unknown or revoked.
        Forbidden: the token sees no source at all.
    """
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    token = credential.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("this needs a reader token: send Authorization: Bearer")
    if len(token) > _LONGEST_TOKEN:
        raise Unauthenticated("that is not a valid reader token")
    with reading(request.app.state.engine) as connection:
        reader = reader_of(connection, token)
    if reader is None:
        raise Unauthenticated("that is not a valid reader token")
    if not reader.sources:
        raise Forbidden("this reader token is scoped to no source")
    return reader


Authenticated = Annotated[Reader, Depends(authenticate)]
"""An endpoint that takes one of these needs a reader token; asked for first, it is checked first."""
