"""A browser is signed in, or out: its session, its cookie and the row in the audit log, always together."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.dashboard import cookies
from service.dashboard.access import longest_session, longest_silence
from service.store import decisions, sessions, users
from service.store.session import writing
from service.store.users import Account

HOME: Final = "/"
_LONGEST_ADDRESS: Final = 1024
_HERE: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


def safe_address(wanted: str | None) -> str:
    """Where to go on to: a place on this host; the first page where another is asked for.

    Args:
        wanted: what stood in an address or a form, which anybody can have written.
    """
    if wanted and len(wanted) <= _LONGEST_ADDRESS and _HERE.fullmatch(wanted):
        return wanted
    return HOME


def sign_in(connection: Connection, request: Request, account: Account, now: datetime, how: str) -> str:
    """Begin a session; whatever session the browser brought ends, so that none can be foisted on it.

    Args:
        connection: in a transaction that may write, in which the account was looked at.
        request: the browser's.
        account: who it is.
        now: the moment, aware.
        how: `password`, `oidc` or `launch`, for the audit log.

    Returns:
        The token for its cookie.
    """
    settings = request.app.state.settings
    sessions.forget(
        connection, unused_since=now - longest_silence(settings), older_than=now - longest_session(settings)
    )
    before = cookies.read(request)
    if before is not None:
        sessions.end(connection, before)
    audit(connection, account.id, "sign-in", now, {"how": how})
    users.note_sign_in(connection, account.id, now)
    return sessions.begin(connection, account.id, now)


def led_on(request: Request, token: str, address: str) -> Response:
    """The answer that gives a browser its session's cookie and leads it on."""
    answer = RedirectResponse(address, 303, {"Cache-Control": "no-store"})
    cookies.give(request, answer, token)
    return answer


def signed_out(request: Request, account_id: str, *, everywhere: bool) -> Response:
    """End this browser's session, or all of the person's; what pages left in the browser goes too."""
    token, now = cookies.read(request), datetime.now(UTC)
    with writing(request.app.state.engine) as connection:
        if everywhere:
            sessions.end_all(connection, account_id)
        elif token is not None:
            sessions.end(connection, token)
        audit(connection, account_id, "sign-out", now, {"everywhere": everywhere})
    answer = RedirectResponse("/sign-in?out=1", 303, {"Cache-Control": "no-store"})
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    cookies.take_away(request, answer)
    return answer


def audit(
    connection: Connection,
    account_id: str | None,
    action: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Note what somebody did; None for a name that is no account: it may be a password typed in its place."""
    actor = "unknown" if account_id is None else f"user:{account_id}"
    decisions.write_audit(connection, at=now, actor=actor, action=action, detail=dict(detail or {}))
