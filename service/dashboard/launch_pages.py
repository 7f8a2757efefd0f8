"""`/launch`, which an EHR opens, and what follows once it has said who works in it and with which record."""

from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from service.dashboard import launch, oidc
from service.dashboard.access import signed_in
from service.dashboard.break_glass import patient_page
from service.dashboard.elsewhere import NotVouchedFor, SECONDS, failed, sent_away
from service.dashboard.id_tokens import vouched
from service.dashboard.making import page
from service.dashboard.signing_in import led_on, sign_in
from service.fhir.exchange import open_http
from service.errors import LiverwatchError
from service.store import glass, sources, users
from service.store.elsewhere import Sent
from service.store.session import reading, writing
from service.store.sources import Source
from service.store.users import Person, Role

_NO_RECORD: Final = "/launch/no-record"


def create_router() -> APIRouter:
    """The routes. Their application has `state.engine`, `.settings` and `.rules`."""
    router = APIRouter()
    router.add_api_route("/launch", _go, methods=["GET"])
    router.add_api_route(_NO_RECORD, _no_record, methods=["GET"], dependencies=[Depends(signed_in)])
    return router


def _go(request: Request) -> Response:
    query = request.query_params
    try:
        with reading(request.app.state.engine) as connection:
            source = launch.launching_source(connection, query.get("iss", ""))
        with open_http(SECONDS) as http:
            endpoint, sent, more = launch.question(http, source, query.get("launch", ""))
        return sent_away(request, endpoint, launch.client_of(source), sent, more)
    except LiverwatchError as error:
        return failed(request, error)


def _no_record(request: Request) -> Response:
    return page(request, "no_record.html")


def launched(request: Request, sent: Sent, code: str) -> Response:
    """Sign somebody in for whom an EHR vouches, and open the record that is open there.

    Raises:
        NotVouchedFor: it does not, or not in a way that can be believed, or they have no role here.
        RemoteError: it does not answer.
        ConfigurationError: it refuses this service.
    """
    assert sent.source is not None
    engine, now = request.app.state.engine, datetime.now(UTC)
    with reading(engine) as connection:
        source = sources.by_name(connection, sent.source)
    client = launch.client_of(source)
    with open_http(SECONDS) as http:
        answer, claims = vouched(request, http, sent, client, code, now)
    token = _session(request, source, claims, now)
    with reading(engine) as connection:
        opened = glass.public_id(connection, source.id, str(answer.get("patient", "")))
    if opened is not None:
        return led_on(request, token, patient_page(opened))
    return led_on(request, token, _NO_RECORD)


def _session(request: Request, source: Source, claims: dict[str, Any], now: datetime) -> str:
    role = source.settings.launch_role
    # Not the issuer that the EHR names: it could name another's, and have its people.
    person = Person(str(source.settings.fhir_base_url), claims["sub"], oidc.shown_in(claims))
    with writing(request.app.state.engine) as connection:
        account = users.vouched_for(
            connection,
            person,
            now,
            roles=() if role is None else (Role(role),),
            names=(source.name,),
            keep=True,
        )
        token = sign_in(connection, request, account, now, "launch") if account.roles else None
    if token is None:
        raise NotVouchedFor(f"you have no role here yet: ask an administrator to give {account.id} one")
    return token
