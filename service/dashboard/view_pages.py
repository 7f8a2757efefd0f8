"""`/views`: filters of the worklist under names of one's own, kept for the person who named them."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.dashboard.access import READERS, SignedIn, needs
from service.dashboard.decision_forms import first
from service.dashboard.forms import Fields
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.worklist_filters import read, read_query
from service.errors import InvalidDecision
from service.store import saved_views
from service.store.session import reading, writing

router = APIRouter(route_class=PageRoute, dependencies=[needs(*READERS)], default_response_class=Response)

VIEWS_PAGE: Final = "/views"


@router.get(VIEWS_PAGE)
def listed(request: Request, user: SignedIn) -> Response:
    """The views somebody has kept, to be renamed, removed, or made the first."""
    with reading(request.app.state.engine) as connection:
        views = saved_views.of_account(connection, user.account)
    shown = [(view, read_query(view.query)) for view in views]
    return page(request, "views.html", views=shown, longest=saved_views.LONGEST_NAME)


@router.post(VIEWS_PAGE)
def keep(request: Request, user: SignedIn, form: Fields) -> Response:
    """Keep the filters of a worklist under a name; what was searched for is none of them."""
    name, filters = _name(form), read(form)
    if not filters.chosen:
        raise InvalidDecision("set a filter first: a view without any is the whole worklist", where="name")
    with writing(request.app.state.engine) as connection:
        saved_views.add(connection, user.account, name, filters.query)
    return _led_to(filters.address)


@router.post(f"{VIEWS_PAGE}/{{view_id}}")
def change(request: Request, user: SignedIn, view_id: UUID, form: Fields) -> Response:
    """Rename or remove a view, or choose whether it is the first."""
    action = first(form, "action")
    with writing(request.app.state.engine) as connection:
        match action:
            case "rename":
                saved_views.rename(connection, user.account, view_id, _name(form))
            case "first" | "not-first":
                saved_views.show_first(connection, user.account, view_id, first=action == "first")
            case "remove":
                saved_views.remove(connection, user.account, view_id)
            case _:
                raise InvalidDecision("choose what to do with the view", where="action")
    return _led_to(VIEWS_PAGE)


def _name(form: Fields) -> str:
    name = first(form, "name")
    if not 0 < len(name) <= saved_views.LONGEST_NAME:
        raise InvalidDecision(f"give it a name of 1 to {saved_views.LONGEST_NAME} characters", where="name")
    return name


def _led_to(address: str) -> Response:
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})
