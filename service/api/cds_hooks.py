"""`/cds-services`: CDS Hooks 2.0. A user's EHR asks for a patient's cards, and tells what became of them."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from sqlalchemy import Connection, Engine
from starlette.requests import Request
from starlette.responses import Response

from service.api import alert_search
from service.alerts.states import urgent_criteria
from service.api.cds_cards import AWAKE, Table, card_id
from service.api.cds_feedback import record_feedback
from service.api.cds_requests import HOOK, Call, read_call, read_feedback
from service.api.cds_trust import PATH, SERVICE, Client, Trusted
from service.api.people_search import people_named, records_of
from service.api.presenting import surroundings_of
from service.errors import InvalidResource, TooLarge, UnsupportedMediaType
from service.fhir.outgoing import to_bytes
from service.request_ids import request_id
from service.store import cards, patients
from service.store.cards import Card
from service.store.decisions import write_audit
from service.store.session import snapshot, writing
from service.store.sources import Source

_JSON: Final = frozenset({"", "application/json", "application/fhir+json"})
_OF_CARE: Final = ("Practitioner/", "PractitionerRole/")

DESCRIPTION: Final = {
    "hook": HOOK,
    "id": SERVICE,
    "title": "Liverwatch",
    "description": (
        "Elevated liver tests of this patient that persist, worsen, are urgent or were not repeated in time: "
        "why, what may lie behind them, and the steps proposed."
    ),
    "usageRequirements": (
        "The EHR feeds its laboratory results to Liverwatch: cards rest on those, and nothing is prefetched. "
        "Tokens are signed by an issuer that Liverwatch's operator has set for this EHR."
    ),
}
"""What discovery says of the one service."""


def create_router() -> APIRouter:
    """The routes. They need `app.state.engine`, `.settings`, `.rules` and `.cds_keys`."""
    router = APIRouter()
    router.add_api_route("/cds-services", _discover, methods=["GET"], response_model=None)
    router.add_api_route(PATH, _show, methods=["POST"], response_model=None)
    router.add_api_route(f"{PATH}/feedback", _take_feedback, methods=["POST"], response_model=None)
    return router


def _discover() -> Response:
    return _answer({"services": [DESCRIPTION]})


async def _body(_client: Trusted, request: Request) -> bytes:
    """The body, read once the client is known.

    Raises:
        UnsupportedMediaType: it is not plain JSON.
        TooLarge: it is larger than a resource may be.
    """
    stated = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if stated not in _JSON or request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("only JSON is read here, not compressed: send application/json")
    limit = request.app.state.settings.max_body_bytes
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge(f"a request may have {limit} bytes at most; see LIVERWATCH_MAX_BODY_BYTES")
    return bytes(body)


Body = Annotated[bytes, Depends(_body)]


def _show(client: Trusted, request: Request, raw: Body) -> Response:
    state = request.app.state
    call = read_call(raw, max_depth=state.settings.max_depth)
    _check_server(call, client.source)
    table = Table(state.settings.public_url, state.rules.rulebook.version)
    with snapshot(state.engine) as connection:
        patient, found = _alerts(connection, client.source, call)
        made = table.cards(found, surroundings_of(connection, found))
    shown = [
        Card(
            card_id(each.alert),
            each.alert.id,
            each.source.id,
            each.alert.tier,
            urgent_criteria(each.alert.episode),
        )
        for each in found
    ]
    there = _note(state.engine, client, call, patient, shown, request_id(request))
    return _answer({"cards": made if there else []})


def _check_server(call: Call, source: Source) -> None:
    """An id means nothing on another server than the one it was given by.

    Raises:
        InvalidResource: the call is from a server that is not known as the source's.
    """
    known, stated = source.settings.fhir_base_url, call.fhir_server
    if known and stated and known.rstrip("/") != stated.rstrip("/"):
        raise InvalidResource(
            "this is not the server of this source; see `liverwatch source set --fhir-base-url`",
            where="fhirServer",
        )


def _alerts(
    connection: Connection, source: Source, call: Call
) -> tuple[int | None, list[alert_search.Stored]]:
    """The patient's number here, if known, and the alerts there are cards of.

    Only of this source, whatever is asked; and for those who care for the patient: their words are no
    message to patients.
    """
    scope = {source.id: source}
    people = people_named(connection, scope, [[f"Patient/{call.context.patient_id}"]], "")
    if not people or not call.context.user_id.startswith(_OF_CARE):
        return (people[0].id if people else None), []
    found = alert_search.of_people(connection, scope, records_of(connection, people))
    return people[0].id, [each for each in found if each.alert.state in AWAKE]


def _note(
    engine: Engine, client: Client, call: Call, patient: int | None, shown: list[Card], request: str
) -> bool:
    """Remember the cards, and note who saw how many of whom: committed before the answer.

    Returns:
        Whether the patient is still there; else nobody is to see the cards.
    """
    now = datetime.now(UTC)
    by_staff = call.context.user_id.startswith(_OF_CARE)
    with writing(engine) as connection:
        there = patient is not None and bool(patients.still_there(connection, [patient]))
        if not there:
            patient, shown = None, []
        cards.keep(connection, shown, now)
        write_audit(
            connection,
            at=now,
            actor=f"cds:{call.context.user_id}" if by_staff else "cds:patient",
            action="cds-cards",
            source_id=client.source.id,
            patient_id=patient,
            detail={"resource": "card", "count": len(shown), "request": request},
        )
    return there


def _take_feedback(client: Trusted, request: Request, raw: Body) -> Response:
    state = request.app.state
    told = read_feedback(raw, max_depth=state.settings.max_depth)
    record_feedback(state.engine, client, told, state.rules)
    return _answer({})


def _answer(content: dict[str, Any]) -> Response:
    """A success. Patient data: no cache may keep it."""
    return Response(to_bytes(content), headers={"Cache-Control": "no-store"}, media_type="application/json")
