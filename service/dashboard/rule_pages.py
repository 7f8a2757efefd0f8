"""`/rules`: what each rule does, by which numbers and sources. Open to anybody: they hold no patient data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from service.clinical.catalogues.rules import rules
from service.clinical.recommendations import orderables
from service.clinical.rulebook import Rulebook
from service.dashboard.making import page
from service.dashboard.rule_views import (
    TAGS,
    behind_every_rule,
    changes,
    count_to_confirm,
    history,
    source_attributes,
    thresholds,
)
from service.errors import NotFound
from service.ingest import Rules

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
"""Nothing but our own style sheet and icon is loaded, and no script runs."""


def routes() -> list[BaseRoute]:
    """The pages and their style sheet. They need `app.state.rules` and `.settings`."""
    return [
        Route("/rules", _index, methods=["GET"]),
        Route("/rules/{rule}", _rule, methods=["GET"]),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
    ]


def _index(request: Request) -> Response:
    book: Rulebook = request.app.state.rules.rulebook
    return _page(
        request,
        "rules.html",
        rules=[(rule, count_to_confirm(rule.entries_in(book))) for rule in rules().values()],
        changes=changes(_before(request), book),
        common=thresholds(behind_every_rule(book), book),
    )


def _rule(request: Request) -> Response:
    rule = rules().get(request.path_params["rule"])
    if rule is None:
        raise NotFound("there is no rule of that name here; see /rules")
    book: Rulebook = request.app.state.rules.rulebook
    entries = rule.entries_in(book)
    return _page(
        request,
        "rule.html",
        rule=rule,
        thresholds=thresholds(entries, book),
        to_confirm=count_to_confirm(entries),
        citations=rule.citations_in(book),
        steps=[orderables()[name] for name in rule.orders],
        work_up=[orderables()[name] for name in rule.work_up],
        attributes=source_attributes(rule, book),
        changes=changes(_before(request), book, entries),
    )


def _before(request: Request) -> Rulebook | None:
    """With what the rulebook is compared: the one it replaced, else the one that a site's is written over."""
    rules: Rules = request.app.state.rules
    return rules.before or rules.rulebook.parent


def _page(request: Request, template: str, **content: Any) -> Response:
    rules: Rules = request.app.state.rules
    answer = page(
        request,
        template,
        history=history(rules.rulebook),
        before=_before(request),
        replaced=rules.before is not None,
        tags=TAGS,
        **content,
    )
    answer.headers.update(HEADERS)
    return answer
