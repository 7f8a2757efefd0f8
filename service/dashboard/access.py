"""Who looks at the pages, and what they may do there."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from service.errors import Forbidden, Unauthenticated
from service.store.session import reading
from service.store.sources import reader_of

_LONGEST_TOKEN = 512


class Role(StrEnum):
    """What somebody does here."""

    NURSE = "nurse"
    PHYSICIAN = "physician"
    AUDITOR = "auditor"
    ENGINEER = "engineer"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who has shown who they are."""

    id: str
    name: str
    roles: frozenset[Role]
    sources: frozenset[str]
    """Names of the sources whose patients they may see."""


def signed_in(request: Request) -> User:
    """Whom the request's reader token stands for: it reads, and decides nothing.

    Raises:
        Unauthenticated: there is no token, or it is unknown or revoked.
    """
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    token = credential.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
        raise Unauthenticated("this page needs a reader token: send Authorization: Bearer")
    with reading(request.app.state.engine) as connection:
        reader = reader_of(connection, token)
    if reader is None:
        raise Unauthenticated("that is not a valid reader token")
    return User(f"reader:{reader.name}", reader.name, frozenset({Role.AUDITOR}), reader.sources)


SignedIn = Annotated[User, Depends(signed_in)]
"""An endpoint that takes one of these is for people who have shown who they are."""


def needs(*roles: Role) -> Any:
    """A dependency that lets only people with one of these roles pass."""

    def check(user: SignedIn) -> None:
        if user.roles.isdisjoint(roles):
            raise Forbidden("this is not for your role")

    checked: Callable[[User], None] = check
    return Depends(checked)


def form_token(_request: Request) -> str:
    """What a form sends back to show that it is one of ours; nothing where no cookie could be abused."""
    return ""


def request_id(request: Request) -> str:
    """What ties a request's audit rows to its line in the access log."""
    known = getattr(request.state, "request_id", None)
    if not isinstance(known, str):
        known = request.state.request_id = secrets.token_hex(16)
    return known
