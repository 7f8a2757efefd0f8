"""How an alert ends otherwise than by its results: withdrawn, or merged into another."""

from dataclasses import replace

from service.alerts.alert import Alert, State
from service.alerts.events import Change, Event, EventKind
from service.clinical.episodes import Episode, Family

NO_EVIDENCE = (
    "None of the elevated results it was based on stands any more: corrected, retracted, or moved elsewhere."
)
"""`Alert.withdrawn` when its evidence vanished."""
NOT_OVERDUE = "As the results stand now, the recheck came in time or was not asked for."
"""`Alert.withdrawn` of an alert of the family `follow-up` when nothing of it was missed."""
NO_CRITERIA = "The results it was based on, as they stand now, no longer meet the criteria for an alert."
"""`Alert.withdrawn` when its episode remains but raises no alert; suppressed findings are named after it."""


def withdraw(alert: Alert, episode: Episode | None) -> Change:
    """Entered in error: with its evidence gone (no episode), or its episode raising no alert any more."""
    words = NOT_OVERDUE if alert.family is Family.FOLLOW_UP else NO_EVIDENCE
    if episode is not None:
        found = sorted({finding.suppressed for finding in episode.findings if finding.suppressed})
        words = f"{NO_CRITERIA} ({', '.join(found)})" if found else NO_CRITERIA
    after = replace(
        alert,
        state=State.ENTERED_IN_ERROR,
        wakes=None,
        held=None,
        review_since=None,
        waiting=None,
        withdrawn=words,
        revision=alert.revision + 1,
    )
    return Change(alert, after, (Event(EventKind.WITHDRAWN, words),))


def merge(alert: Alert, survivor: Alert) -> Change:
    """Merged into the oldest alert of the same episode, which it names; it never comes back."""
    after = replace(
        alert,
        state=State.MERGED,
        wakes=None,
        held=None,
        review_since=None,
        waiting=None,
        merged_into=survivor.id,
        revision=alert.revision + 1,
    )
    return Change(alert, after, (Event(EventKind.MERGED, f"into {survivor.id}"),))
