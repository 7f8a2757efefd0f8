"""Who may read: bearer tokens, each of which sees the sources it was made for and nothing else.

One that audits reads what was done with the patients of its sources, and none of their alerts; every other
reads their alerts, and not who else did.
"""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from service.errors import Forbidden, Unauthenticated
from service.store.readers import Reader, reader_of
from service.store.session import reading

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


def _of_alerts(reader: Authenticated) -> Reader:
    if reader.audits:
        raise Forbidden("this reader token reads the audit log alone")
    return reader


def _of_the_audit(reader: Authenticated) -> Reader:
    if not reader.audits:
        raise Forbidden("the audit log needs a reader token of its own: `liverwatch reader add --audit`")
    return reader


AlertReader = Annotated[Reader, Depends(_of_alerts)]
"""The same, of what stands about patients: not for a token that audits."""
AuditReader = Annotated[Reader, Depends(_of_the_audit)]
"""The same, of who did what: for a token that audits alone."""
