"""Signing in elsewhere: a browser is sent away with a question and comes back with a code (OAuth 2.0).

What protects it: `state`, which the browser must bring in the address and in a cookie; PKCE (RFC 7636), so
that a code that leaks is worth nothing; `nonce`, so that an ID token is of this very sign-in; and `iss` (RFC
9207).
"""

import base64
import hashlib
import hmac
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx2
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.dashboard import cookies
from service.ehr.authorization_server import asked
from service.dashboard.making import page
from service.dashboard.signing_in import audit
from service.errors import Conflict, Forbidden, LiverwatchError
from service.store import elsewhere
from service.store.elsewhere import Sent
from service.store.session import writing

log = logging.getLogger(__name__)

ANSWER_PATH: Final = "/sign-in/answer"
SECONDS: Final = 5.0
"""How long each answer may take."""
_PATIENCE: Final = timedelta(minutes=10)
"""How long somebody may take to sign in there."""
_STATE: Final = "-state"


class NotVouchedFor(Forbidden):
    """Whoever was asked did not vouch for the person, or not in a way that can be believed."""


@dataclass(frozen=True, slots=True)
class Client:
    """What this service is to whoever is asked."""

    id: str
    secret: str | None
    """None: a public client; PKCE alone protects it."""
    secret_in_form: bool = False
    """Whether the secret goes into the form, where a header is not understood."""


def redirect_uri(request: Request) -> str:
    """Where browsers come back to; both sides must know it to the letter."""
    return f"{request.app.state.settings.public_url.rstrip('/')}{ANSWER_PATH}"


def sent_away(
    request: Request, endpoint: str, client: Client, sent: Sent, more: Mapping[str, str]
) -> Response:
    """Send a browser to sign in elsewhere.

    Args:
        request: the browser's.
        endpoint: the authorization endpoint.
        client: what this service is there.
        sent: what has to be remembered.
        more: parameters of the question besides those that every question has.
    """
    state, now = secrets.token_urlsafe(32), datetime.now(UTC)
    with writing(request.app.state.engine) as connection:
        elsewhere.keep(connection, state, sent, now + _PATIENCE, now)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(sent.verifier.encode()).digest()).rstrip(b"=")
    asking = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": redirect_uri(request),
        "state": state,
        "nonce": sent.nonce,
        "code_challenge": challenge.decode(),
        "code_challenge_method": "S256",
        **more,
    }
    joined = "&" if urlsplit(endpoint).query else "?"
    answer = RedirectResponse(f"{endpoint}{joined}{urlencode(asking)}", 303, {"Cache-Control": "no-store"})
    answer.headers["Referrer-Policy"] = "no-referrer"
    cookies.give(request, answer, state, _STATE)
    return answer


def come_back(request: Request) -> tuple[Sent, str]:
    """What a browser was sent away with, and the code that it brings.

    Raises:
        NotVouchedFor: it brings none, was never sent, or not this browser, or has been here before.
    """
    query, now = request.query_params, datetime.now(UTC)
    state, kept = query.get("state", ""), cookies.read(request, _STATE)
    if kept is None or not hmac.compare_digest(state.encode("utf-8", "replace"), kept.encode()):
        raise NotVouchedFor("this sign-in was not begun in this browser, or too long ago: begin again")
    with writing(request.app.state.engine) as connection:
        sent = elsewhere.take(connection, state, now)
    if sent is None:
        raise NotVouchedFor("this sign-in was begun too long ago, or has been used: begin again")
    if query.get("iss", sent.issuer) != sent.issuer:
        raise NotVouchedFor("somebody else answered than was asked")
    code = query.get("code")
    if not code or "error" in query:
        raise NotVouchedFor("you were not signed in there")
    return sent, code


def forget(request: Request, answer: Response) -> Response:
    """Take the cookie of the sign-in away."""
    cookies.take_away(request, answer, _STATE)
    return answer


def redeemed(request: Request, http: httpx2.Client, sent: Sent, client: Client, code: str) -> dict[str, Any]:
    """What a code is worth: the token answer.

    Raises:
        RemoteError: there is no answer.
        ConfigurationError: the code or this service is refused.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(request),
        "code_verifier": sent.verifier,
    }
    headers = {}
    if client.secret is None:
        form["client_id"] = client.id
    elif client.secret_in_form:
        form |= {"client_id": client.id, "client_secret": client.secret}
    else:
        pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return asked(http, "POST", sent.token_endpoint, "the token", SECONDS, form=form, headers=headers)


def failed(request: Request, error: LiverwatchError) -> Response:
    """The page that says why somebody was not signed in; audited, and logged where we must mend it."""
    ours = not isinstance(error, NotVouchedFor | Conflict)
    if ours:
        log.warning("signing in elsewhere did not work", extra={"why": error.message})
    with writing(request.app.state.engine) as connection:
        audit(connection, None, "sign-in-failed", datetime.now(UTC), {"how": "elsewhere"})
    words = "this does not work just now; whoever runs Liverwatch finds the reason in its log"
    return page(
        request, "sign_in_failed.html", 503 if ours else error.status, reason=words if ours else error.message
    )
