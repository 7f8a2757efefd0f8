"""`/account`: what an account may do, and its password."""

from datetime import UTC, datetime
from dataclasses import replace
from functools import cache
from zoneinfo import available_timezones

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service import passwords
from service.dashboard.access import PASSWORD_PAGE, SignedIn, User
from service.dashboard.forms import Sent
from service.dashboard.making import page
from service.dashboard.signing_in import HOME, audit, led_on
from service.passwords import UnsuitablePassword
from service.store import attempts, glass, sessions, users
from service.store.session import reading, writing
from service.store.users import Account


def create_router() -> APIRouter:
    """The routes. Their application has `state.engine`, `.settings` and `.rules`."""
    router = APIRouter()
    router.add_api_route("/account", _account, methods=["GET"])
    router.add_api_route("/account/preferences", _prefer, methods=["POST"])
    router.add_api_route(PASSWORD_PAGE, _form, methods=["GET"])
    router.add_api_route(PASSWORD_PAGE, _change, methods=["POST"])
    return router


def _of(request: Request, user: User) -> Account:
    with reading(request.app.state.engine) as connection:
        return users.by_id(connection, user.account)


def _account(request: Request, user: SignedIn) -> Response:
    with reading(request.app.state.engine) as connection:
        opened = glass.opened_by(connection, user.account, datetime.now(UTC))
    return page(request, "account.html", account=_of(request, user), opened=opened, zones=_zones())


@cache
def _zones() -> list[str]:
    """Names of time zones that people live in, such as `Europe/Berlin`."""
    return sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))


def _prefer(request: Request, user: SignedIn, fields: Sent) -> Response:
    zone = fields.get("zone", "")
    now = datetime.now(UTC)
    with writing(request.app.state.engine) as connection:
        users.prefer(
            connection,
            user.account,
            shortcuts=fields.get("shortcuts") == "yes",
            zone=zone if zone in _zones() else None,
        )
        audit(connection, user.account, "account-preferences", now)
    return RedirectResponse("/account", 303, {"Cache-Control": "no-store"})


def _form(request: Request, user: SignedIn) -> Response:
    return _shown(request, _of(request, user), {})


def _shown(request: Request, account: Account, errors: dict[str, str], status: int = 200) -> Response:
    return page(request, "password.html", status, account=account, errors=errors, shortest=passwords.SHORTEST)


def _change(request: Request, user: SignedIn, fields: Sent) -> Response:
    account = _of(request, user)
    old, new, again = (fields.get(name, "") for name in ("old", "new", "again"))
    errors: dict[str, str] = {}
    try:
        publisher = request.app.state.settings.publisher
        passwords.check_suitable(new, account.id, *account.shown.split(), publisher)
    except UnsuitablePassword as error:
        errors["new"] = error.message
    if new != again:
        errors["again"] = "Type the same new password twice"
    if new and new == old:
        errors["new"] = "Choose another password than the one you have"
    now = datetime.now(UTC)
    if not errors:
        errors = _checked(request, account, old, now)
    if errors:
        return _shown(request, account, errors, 422)
    changed = replace(account, password=passwords.digest(new), one_time=False)
    token = None
    with writing(request.app.state.engine) as connection:
        users.hold(connection)
        if users.find(connection, account.id) == account:  # nobody changed it meanwhile
            attempts.succeeded(connection, account.id)
            users.change(connection, changed)  # signs out everywhere
            audit(connection, account.id, "password-change", now)
            token = sessions.begin(connection, account.id, now)
    if token is None:
        return _shown(request, account, {"old": "This password is not valid any more"}, 409)
    return led_on(request, token, HOME)


def _checked(request: Request, account: Account, old: str, now: datetime) -> dict[str, str]:
    """What is wrong with the password so far; guessing here is slowed down as it is at the door."""
    with writing(request.app.state.engine) as connection:
        wait = attempts.begin(connection, account.id, now)
    if wait is not None:
        return {"old": "There were too many attempts. Wait a little, then try again"}
    if passwords.matches(account.password, old):
        return {}
    with writing(request.app.state.engine) as connection:
        audit(connection, account.id, "password-change-failed", now)
    return {"old": "This is not your password"}
