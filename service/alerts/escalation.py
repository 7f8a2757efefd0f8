"""Urgent alerts that nobody takes: after the site's time they go on to the next contact, and say so.

Source: clinical.md §9. How long one has waited depends on when it was seen first and on who decided what
since, not on the results: so it is told beside the alert (`Alert.waiting`), and is no part of its content.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from service.alerts.alert import Alert, State, Waiting
from service.alerts.events import Change, Event, EventKind
from service.clinical.episodes import Tier


def waits(alert: Alert) -> bool:
    """Whether it is urgent and nobody has taken it, or decided anything else about it."""
    return alert.tier is Tier.URGENT and alert.state is State.OPEN


def waiting(before: Alert | None, after: Alert, now: datetime) -> Waiting | None:
    """How long `after` has been waiting: as long as `before`, or from now on; None where it does not."""
    if not waits(after):
        return None
    known = before.waiting if before is not None and waits(before) else None
    return known or Waiting(now, now)


def pass_on(alert: Alert, contacts: Sequence[str], patience: timedelta, now: datetime) -> Change | None:
    """The alert on its way to the next contact; None where that is not due.

    Each contact has the whole time for itself, and nobody is told twice. Where there is nobody to tell, it
    says once that it is overdue.

    Args:
        alert: as it stands.
        contacts: names of those to tell, in order.
        patience: how long each may take.
        now: the moment, aware.
    """
    known = alert.waiting
    if known is None or known.nobody_left or now < known.latest + patience:
        return None
    left = [name for name in contacts if name not in known.told]
    told = (*known.told, *left[:1])
    after = replace(known, latest=now, overdue=True, told=told, nobody_left=len(left) <= 1)
    nobody = "no contact is left" if known.overdue else "no contact is set"
    to = f"on to {left[0]}" if left else nobody
    words = f"nobody has taken it within {patience / timedelta(hours=1):g} hours: {to}"
    return Change(alert, replace(alert, waiting=after), (Event(EventKind.PASSED_ON, words),))
