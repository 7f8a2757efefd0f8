"""Making a page of a template."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from service.dashboard.access import form_token
from service.dashboard.rule_views import breakable
from service.dashboard.words import filters


@cache
def environment() -> Environment:
    """Every template of the dashboard; what is filled in is text, never markup."""
    made = Environment(
        loader=PackageLoader("service.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(filters(), breakable=breakable)
    return made


def page(request: Request, template: str, status: int = 200, **content: Any) -> HTMLResponse:
    """A page, or a part of one: it may say who is signed in, and has the token that its forms must send.

    Args:
        request: whose answer it is; its application has `state.rules` and `.settings`.
        template: file below `templates/`.
        status: of the answer.
        content: what the template shows.
    """
    state = request.app.state
    text = (
        environment()
        .get_template(template)
        .render(
            book=state.rules.rulebook,
            publisher=state.settings.publisher,
            user=getattr(request.state, "user", None),
            form_token=form_token(request),
            **content,
        )
    )
    return HTMLResponse(text, status)
