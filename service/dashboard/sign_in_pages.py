"""`/sign-in` and `/sign-out`, with a name and a password."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service import passwords
from service.dashboard.access import SignedIn
from service.dashboard.forms import Sent, check_origin
from service.dashboard.making import page
from service.dashboard.signing_in import audit, led_on, safe_address, sign_in, signed_out
from service.store import attempts, users
from service.store.session import reading, writing

_LONGEST_NAME = 256
_WRONG = "The user name or the password is wrong"


def create_router() -> APIRouter:
    """The routes. Their application has `state.engine`, `.settings` and `.rules`."""
    router = APIRouter()
    router.add_api_route("/sign-in", _form, methods=["GET"])
    router.add_api_route("/sign-in", _try, methods=["POST"])
    router.add_api_route("/sign-out", _out, methods=["POST"])
    return router


def _form(request: Request) -> Response:
    query = request.query_params
    return _shown(request, query.get("next"), signed_out="out" in query)


def _try(request: Request, fields: Sent) -> Response:
    check_origin(request)
    name, password = fields.get("name", "").strip().lower(), fields.get("password", "")
    wanted = fields.get("next")
    if not name or not password or len(name) > _LONGEST_NAME:
        return _shown(request, wanted, ["Enter your user name and your password"], name, status=422)
    engine, now = request.app.state.engine, datetime.now(UTC)
    with writing(engine) as connection:
        wait = attempts.begin(connection, name, now)
        account = users.find(connection, name)
        if wait is not None:
            audit(connection, name if account else None, "sign-in-held-off", now)
    if wait is not None:
        return _held_off(request, wanted, name, wait)
    token = None
    right = passwords.matches(account.password if account and account.active else None, password)
    with writing(engine) as connection:
        # It may have been changed or removed while the password was compared.
        if right and account is not None and users.find(connection, name) == account:
            attempts.succeeded(connection, name)
            token = sign_in(connection, request, account, datetime.now(UTC), "password")
        else:
            audit(connection, name if account else None, "sign-in-failed", datetime.now(UTC))
    if token is None:
        return _shown(request, wanted, [_WRONG], name, status=422)
    return led_on(request, token, safe_address(wanted))


def _held_off(request: Request, wanted: str | None, name: str, wait: timedelta) -> Response:
    seconds = ceil(wait.total_seconds())
    words = f"There were too many attempts. Wait {seconds} seconds, then try again"
    answer = _shown(request, wanted, [words], name, status=429)
    answer.headers["Retry-After"] = str(seconds)
    return answer


def _shown(
    request: Request,
    wanted: str | None,
    errors: Sequence[str] = (),
    name: str = "",
    *,
    status: int = 200,
    signed_out: bool = False,
) -> Response:
    state = request.app.state
    with reading(state.engine) as connection:
        nobody = not users.are_there_any(connection)
    return page(
        request,
        "sign_in.html",
        status,
        errors=errors,
        name=name[:_LONGEST_NAME],
        next=safe_address(wanted),
        signed_out=signed_out,
        nobody=nobody,
        elsewhere=state.settings.oidc_issuer is not None,
    )


def _out(request: Request, user: SignedIn, fields: Sent) -> Response:
    return signed_out(request, user.account, everywhere="everywhere" in fields)
