"""`/sign-in/oidc` and where browsers come back to: signing in with an organisation's account."""

import secrets
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.dashboard import oidc
from service.dashboard.elsewhere import (
    ANSWER_PATH,
    NotVouchedFor,
    come_back,
    failed,
    forget,
    SECONDS,
    sent_away,
)
from service.dashboard.id_tokens import vouched
from service.dashboard.launch_pages import launched
from service.dashboard.signing_in import led_on, safe_address, sign_in
from service.fhir.exchange import open_http
from service.errors import LiverwatchError, NotFound
from service.store import users
from service.store.elsewhere import Sent
from service.store.session import writing
from service.store.users import Person


def create_router() -> APIRouter:
    """The routes. Their application has `state.engine`, `.settings` and `.rules`."""
    router = APIRouter()
    router.add_api_route("/sign-in/oidc", _go, methods=["GET"])
    router.add_api_route(ANSWER_PATH, _answer, methods=["GET"])
    return router


def _go(request: Request) -> Response:
    settings = request.app.state.settings
    if settings.oidc_issuer is None:
        raise NotFound("nobody signs in elsewhere here")
    try:
        with open_http(SECONDS) as http:
            found = oidc.provider(http, settings.oidc_issuer)
        client = oidc.client_of(settings, found)
    except LiverwatchError as error:
        return failed(request, error)
    sent = Sent(
        issuer=found.issuer,
        token_endpoint=found.token_endpoint,
        jwks_uri=found.jwks_uri,
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        address=safe_address(request.query_params.get("next")),
    )
    return sent_away(request, found.authorization_endpoint, client, sent, {"scope": settings.oidc_scopes})


def _answer(request: Request) -> Response:
    try:
        sent, code = come_back(request)
        vouched = _vouched_for if sent.source is None else launched
        return forget(request, vouched(request, sent, code))
    except LiverwatchError as error:
        return forget(request, failed(request, error))


def _vouched_for(request: Request, sent: Sent, code: str) -> Response:
    """Sign somebody in for whom the identity provider vouches."""
    settings, now = request.app.state.settings, datetime.now(UTC)
    with open_http(SECONDS) as http:
        client = oidc.client_of(settings, oidc.provider(http, sent.issuer))
        _, claims = vouched(request, http, sent, client, code, now)
    roles = oidc.roles_in(claims, settings)
    if not roles:
        raise NotVouchedFor("your organisation's account has no role here: ask whoever manages it")
    with writing(request.app.state.engine) as connection:
        account = users.vouched_for(
            connection,
            Person(sent.issuer, claims["sub"], oidc.shown_in(claims)),
            now,
            roles=roles,
            names=oidc.sources_in(claims, settings),
        )
        token = sign_in(connection, request, account, now, "oidc")
    return led_on(request, token, sent.address)
