"""Every route of the dashboard, asked for by everybody: a table of the answers that leaves nothing out."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

import pytest
from starlette.routing import BaseRoute, Mount, Route

from service import dashboard
from service.dashboard.access import Role
from tests.dashboard.front_desk import Browser, FrontDesk

DOOR = "door"
"""Led to the page where people sign in."""


class Answers(NamedTuple):
    """Statuses, by who asks. All see the source `clinic`, where the patient is, but the last."""

    nobody: int | str
    nurse: int
    physician: int
    auditor: int
    engineer: int
    admin: int
    nurse_of_another_source: int


def anybody(status: int) -> Answers:
    return Answers(*[status] * 7)


def whoever_is_signed_in(status: int) -> Answers:
    return Answers(DOOR, *[status] * 6)


TABLE = {
    ("GET", "/rules"): anybody(200),
    ("GET", "/rules/{rule}"): anybody(200),
    ("GET", "/static"): anybody(200),
    ("GET", "/sign-in"): anybody(200),
    ("POST", "/sign-in"): anybody(422),
    ("GET", "/sign-in/oidc"): anybody(404),
    ("GET", "/sign-in/answer"): anybody(403),
    ("GET", "/launch"): anybody(403),
    ("GET", "/launch/no-record"): whoever_is_signed_in(200),
    ("POST", "/sign-out"): whoever_is_signed_in(303),
    ("GET", "/account"): whoever_is_signed_in(200),
    ("GET", "/account/password"): whoever_is_signed_in(200),
    ("POST", "/account/password"): whoever_is_signed_in(422),
    ("GET", "/patients/{patient}/break-glass"): Answers(DOOR, 303, 303, 403, 403, 403, 200),
    ("POST", "/patients/{patient}/break-glass"): Answers(DOOR, 422, 422, 403, 403, 403, 422),
    ("GET", "/break-glass"): Answers(DOOR, 403, 403, 200, 403, 403, 403),
    ("GET", "/"): Answers(DOOR, 200, 200, 200, 403, 200, 200),
    ("POST", "/search"): Answers(DOOR, 200, 200, 200, 403, 200, 200),
    ("GET", "/admin"): Answers(DOOR, 403, 403, 403, 403, 200, 403),
    ("POST", "/admin"): Answers(DOOR, 403, 403, 403, 403, 422, 403),
    ("GET", "/admin/{account_id}"): Answers(DOOR, 403, 403, 403, 403, 404, 403),
    ("POST", "/admin/{account_id}"): Answers(DOOR, 403, 403, 403, 403, 404, 403),
    ("POST", "/account/preferences"): whoever_is_signed_in(303),
    ("GET", "/views"): Answers(DOOR, 200, 200, 200, 403, 200, 200),
    ("POST", "/views"): Answers(DOOR, 422, 422, 422, 403, 422, 422),
    ("POST", "/views/{view_id}"): Answers(DOOR, 422, 422, 422, 403, 422, 422),
    ("GET", "/worklist/events"): Answers(DOOR, 200, 200, 200, 403, 200, 200),
    ("GET", "/worklist/rows"): Answers(DOOR, 200, 200, 200, 403, 200, 200),
    ("GET", "/asleep"): Answers(DOOR, 200, 200, 200, 403, 200, 200),
    ("GET", "/lost"): Answers(DOOR, 200, 200, 200, 403, 200, 200),
    ("GET", "/population"): Answers(DOOR, 200, 200, 200, 403, 200, 200),
    ("GET", "/population/people"): Answers(DOOR, 200, 200, 200, 403, 200, 200),
    ("GET", "/feeds"): Answers(DOOR, 403, 403, 403, 200, 200, 403),
    ("GET", "/holds"): Answers(DOOR, 403, 403, 200, 403, 200, 403),
    ("POST", "/patients/{public_id}/hold"): Answers(DOOR, 403, 403, 422, 403, 422, 403),
    ("POST", "/patients/{public_id}/release"): Answers(DOOR, 403, 403, 422, 403, 422, 403),
    ("GET", "/patients/{public_id}"): Answers(DOOR, 200, 200, 200, 403, 200, 303),
    ("GET", "/patients/{public_id}/looks"): Answers(DOOR, 403, 403, 200, 403, 200, 403),
    ("GET", "/patients/{public_id}/chart.json"): Answers(DOOR, 404, 404, 404, 403, 404, 303),
    ("GET", "/patients/{public_id}/as-of"): Answers(DOOR, 200, 200, 200, 403, 200, 303),
    ("GET", "/alerts/{alert_id}/replay"): Answers(DOOR, 403, 403, 404, 403, 403, 403),
    ("GET", "/measures"): Answers(DOOR, 403, 200, 200, 403, 200, 403),
    ("GET", "/measures.csv"): Answers(DOOR, 403, 200, 200, 403, 200, 403),
    ("GET", "/measures/{name}"): Answers(DOOR, 403, 200, 200, 403, 200, 403),
    ("GET", "/measures/{name}/people"): Answers(DOOR, 403, 200, 200, 403, 200, 403),
    ("GET", "/simulations"): Answers(DOOR, 403, 200, 200, 403, 200, 403),
    ("GET", "/simulations/{simulation_id}"): Answers(DOOR, 403, 404, 404, 403, 404, 403),
    ("GET", "/simulations/{simulation_id}/alerts"): Answers(DOOR, 403, 404, 404, 403, 404, 403),
    ("GET", "/shadow"): Answers(DOOR, 403, 200, 200, 403, 200, 403),
    ("GET", "/shadow/alerts"): Answers(DOOR, 403, 404, 404, 403, 404, 403),
    ("POST", "/shadow"): Answers(DOOR, 403, 422, 403, 403, 403, 403),
    ("POST", "/shadow/activation"): Answers(DOOR, 403, 422, 403, 403, 403, 403),
    ("POST", "/decide"): Answers(DOOR, 422, 422, 403, 403, 403, 422),
    ("GET", "/alerts/{alert_id}/decide"): Answers(DOOR, 404, 404, 403, 403, 403, 404),
    ("POST", "/alerts/{alert_id}/decide"): Answers(DOOR, 404, 404, 403, 403, 403, 404),
    ("POST", "/alerts/{alert_id}/say"): Answers(DOOR, 404, 404, 403, 403, 403, 404),
    ("POST", "/alerts/{alert_id}/letter"): Answers(DOOR, 404, 404, 403, 403, 403, 404),
}
"""Forms are sent with their token and no fields."""


def every_route(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Method and path of everything that is answered, routers within routers included."""
    for route in routes:
        if isinstance(route, Mount):
            yield "GET", route.path
        elif isinstance(route, Route):
            yield from ((method, route.path) for method in (route.methods or ()) if method != "HEAD")
        else:
            yield from every_route(route.original_router.routes)  # type: ignore[attr-defined]


def test_every_route_stands_in_the_table_and_every_row_is_a_route() -> None:
    found = [*every_route(dashboard.routes()), *every_route(dashboard.create_pages().routes)]
    assert sorted(found) == sorted(TABLE)


@pytest.mark.parametrize(("method", "path"), TABLE)
def test_a_route_answers_everybody_as_the_table_says(desk: FrontDesk, method: str, path: str) -> None:
    _, patient = desk.patient()
    address = "/static/liverwatch.css" if path == "/static" else filled(path, patient)
    browsers = {"nobody": desk.browser()}
    for role in Role:
        desk.account(role.value, roles=(role,))
        browsers[role.value] = desk.at(role.value)
    desk.account("foreign", roles=(Role.NURSE,), sees=("annex",))
    browsers["nurse_of_another_source"] = desk.at("foreign")
    for browser in browsers.values():
        browser.app.state.live.close()  # type: ignore[attr-defined] # or a stream would be answered for ever
    answered = {who: answer(browser, method, address) for who, browser in browsers.items()}
    assert Answers(**answered) == TABLE[method, path]  # type: ignore[arg-type]


def filled(path: str, patient: str) -> str:
    """The address of a record that is there, a rule, a measure, and of no alert, view, account or run."""
    of_none = dict.fromkeys(("alert_id", "view_id", "account_id", "simulation_id"), UUID(int=1))
    return path.format(rule="jaundice", name="overrides", patient=patient, public_id=patient, **of_none)


def answer(browser: Browser, method: str, address: str) -> int | str:
    token = browser.token if method != "GET" and browser.cookies else ""
    answered = browser.request(method, address, data={"csrf_token": token} if method != "GET" else None)
    at_the_door = answered.headers.get("location", "").partition("?next=")[0] == "/sign-in"
    return DOOR if at_the_door else answered.status_code


@pytest.mark.parametrize(
    ("method", "path"),
    [each for each, answers in TABLE.items() if each[0] != "GET" and answers.nobody == DOOR],
)
def test_what_changes_something_is_refused_without_the_token(desk: FrontDesk, method: str, path: str) -> None:
    _, patient = desk.patient()
    desk.account(roles=tuple(Role))
    assert desk.at().request(method, filled(path, patient)).status_code == 403
