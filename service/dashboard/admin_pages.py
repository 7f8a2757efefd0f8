"""`/admin`: who may use the pages. What `liverwatch user` does, by the same functions."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NamedTuple

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service import accounts, passwords
from service.dashboard.access import Role, SignedIn, needs
from service.dashboard.decision_forms import first
from service.dashboard.forms import Fields
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.errors import ConfigurationError, Conflict, InvalidDecision, NotFound
from service.store import sources, users
from service.store.session import reading, writing
from service.store.users import EVERY_SOURCE, Account

ADMIN_PAGE: Final = "/admin"
_BRING_A_PASSWORD: Final = ("password", "take-up")
"""What leaves somebody with a new password, good for one time."""

router = APIRouter(route_class=PageRoute, dependencies=[needs(Role.ADMIN)], default_response_class=Response)


class Rights(NamedTuple):
    """What a form says that somebody may do and see."""

    shown: str
    """Empty where it does not say."""
    roles: frozenset[Role]
    sources: frozenset[str]


@router.get(ADMIN_PAGE)
def listed(request: Request) -> Response:
    """Everybody who may sign in, or could once."""
    return _list(request)


@router.post(ADMIN_PAGE)
def add(request: Request, user: SignedIn, form: Fields) -> Response:
    """Add a person, whose password, good for one time, is shown this once."""
    name, password, asked = first(form, "name").lower(), passwords.made(), _rights(form)
    kept = accounts.local(
        name, password, asked.roles, asked.sources, shown=asked.shown or None, one_time=True
    )
    try:
        with writing(request.app.state.engine) as connection:
            accounts.add(connection, kept, by=user.id, now=datetime.now(UTC))
    except (ConfigurationError, Conflict, NotFound) as error:
        return _list(request, wrong=error.message, name=name, asked=asked)
    return _shown(request, name, password)


@router.get(f"{ADMIN_PAGE}/{{account_id}}")
def one(request: Request, account_id: str) -> Response:
    """One account, to be changed."""
    return _one(request, account_id)


@router.post(f"{ADMIN_PAGE}/{{account_id}}")
def change(request: Request, user: SignedIn, account_id: str, form: Fields) -> Response:
    """Change what somebody may do and see, their password, or whether they may sign in at all."""
    with reading(request.app.state.engine) as connection:
        known = _found(connection, account_id)
    action = first(form, "action")
    password = passwords.made() if action in _BRING_A_PASSWORD and known.issuer is None else None
    kept = passwords.digest(password) if password else None
    try:
        with writing(request.app.state.engine) as connection:
            users.hold(connection)
            known = _found(connection, account_id)  # its password may have been changed meanwhile
            _carry_out(connection, action, known, form, kept, by=user.id)
    except (ConfigurationError, Conflict, NotFound) as error:
        return _one(request, account_id, wrong=error.message)
    if password:
        return _shown(request, account_id, password)
    return RedirectResponse(ADMIN_PAGE, 303, {"Cache-Control": "no-store"})


def _carry_out(
    connection: Connection, action: str, known: Account, form: Fields, kept: str | None, *, by: str
) -> None:
    now = datetime.now(UTC)
    match action:
        case "set":
            asked = _rights(form)
            shown = asked.shown or known.shown
            wanted = replace(known, shown=shown, roles=asked.roles, sources=asked.sources)
            accounts.change(connection, wanted, by=by, now=now)
        case "password":
            accounts.give_password(connection, known.id, kept or "", one_time=True, by=by, now=now)
        case "remove":
            accounts.remove(connection, known.id, by=by, now=now)
        case "take-up":
            accounts.take_up(connection, known.id, kept, by=by, now=now)
        case _:
            raise InvalidDecision("choose what to do with the account", where="action")


def _rights(form: Fields) -> Rights:
    known = [Role(each) for each in form.get("role", ()) if each in list(Role)]
    return Rights(first(form, "shown"), frozenset(known), frozenset(form.get("source", ())))


def _found(connection: Connection, account_id: str) -> Account:
    found = users.find(connection, account_id)
    if found is None:
        raise NotFound("there is no such account")
    return found


def _sources(connection: Connection) -> list[tuple[str, str]]:
    """What may be chosen, and in which words."""
    names = [(each.name, each.name) for each in sources.every(connection)]
    return [(EVERY_SOURCE, "every source, also those to come"), *names]


def _list(request: Request, wrong: str = "", name: str = "", asked: Rights | None = None) -> Response:
    with reading(request.app.state.engine) as connection:
        every, choices = users.every(connection), _sources(connection)
    return page(
        request,
        "accounts.html",
        422 if wrong else 200,
        accounts=every,
        errors={"name": wrong} if wrong else {},
        name=name,
        asked=asked or Rights("", frozenset(), frozenset()),
        roles=list(Role),
        sources=choices,
    )


def _one(request: Request, account_id: str, wrong: str = "") -> Response:
    with reading(request.app.state.engine) as connection:
        account, choices = _found(connection, account_id), _sources(connection)
    errors = {"rights": wrong} if wrong else {}
    return page(
        request,
        "account_of.html",
        422 if wrong else 200,
        account=account,
        errors=errors,
        roles=list(Role),
        sources=choices,
    )


def _shown(request: Request, account_id: str, password: str) -> Response:
    return page(request, "password_made.html", account_id=account_id, password=password)
