"""From what a form sends to what somebody says about an alert."""

import re
from datetime import date
from typing import Final
from uuid import UUID

from service.alerts.alert import Action, RemarkKind
from service.dashboard.forms import Fields
from service.dashboard.words import plain
from service.errors import InvalidDecision
from service.review import Decided

LONGEST_NOTE: Final = 4000
LONGEST_NAME: Final = 128
_BACK = re.compile(r"/(?:\?[A-Za-z0-9_=&%.+~-]*|patients/[0-9a-f-]{36})?")


def first(form: Fields, name: str) -> str:
    """The first value of a field, without blanks around it and what no reader sees; empty where not sent."""
    return plain(next(iter(form.get(name) or ()), "")).strip()


def decided(form: Fields, alert_id: UUID, seen_revision: str | None = None) -> Decided:
    """What is decided about an alert.

    Args:
        form: as it was sent.
        alert_id: the alert.
        seen_revision: its revision as the person saw it; the form's own where it is not given.

    Raises:
        InvalidDecision: no such action, an unreadable date or number, a note too long.
    """
    action = first(form, "action")
    if action not in list(Action):
        raise InvalidDecision("choose what to do", where="action")
    note, to = first(form, "note"), first(form, "to")
    if len(note) > LONGEST_NOTE or len(to) > LONGEST_NAME:
        raise InvalidDecision("that is longer than what is kept", where="note")
    dated = action in (Action.SNOOZE, Action.KNOWN_CAUSE)
    return Decided(
        alert_id,
        Action(action),
        until=_day(first(form, "until")) if dated else None,
        until_next_result=action == Action.SNOOZE and first(form, "next_result") == "yes",
        reason=(first(form, "reason") or None) if action == Action.OVERRIDE else None,
        note=note,
        to=(to or None) if action == Action.ASSIGN else None,
        seen_revision=_revision(seen_revision if seen_revision is not None else first(form, "revision")),
    )


def remark(form: Fields) -> tuple[RemarkKind, str]:
    """What is said of an alert, and in which words.

    Raises:
        InvalidDecision: it is neither a comment nor a judgement.
    """
    kind = first(form, "kind")
    if kind not in list(RemarkKind):
        raise InvalidDecision("say what kind of remark it is", where="kind")
    return RemarkKind(kind), first(form, "text")


def chosen(form: Fields) -> list[tuple[UUID, str]]:
    """The alerts that were ticked, each with its revision as the person saw it.

    Raises:
        InvalidDecision: none was, or what was sent names none.
    """
    found = []
    for value in dict.fromkeys(form.get("alert") or ()):
        name, _, revision = value.partition(":")
        try:
            found.append((UUID(name), revision))
        except ValueError:
            raise InvalidDecision("that is no alert", where="alert") from None
    if not found:
        raise InvalidDecision("tick the alerts it is about first", where="alert")
    return found


def back(form: Fields) -> str:
    """Where the person came from: an address of ours, or else the worklist."""
    given = first(form, "back")
    return given if _BACK.fullmatch(given) else "/"


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidDecision("give the date as year-month-day", where="until") from None


def _revision(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise InvalidDecision("the form does not say which state of the alert it is about", where="revision")
    return int(text)
