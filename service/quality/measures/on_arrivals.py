"""Cases of what the feed brought, and of what it lost: how late, and whether it could be used."""

from datetime import UTC, datetime, timedelta

from service.quality.measures.cases import Case, Question
from service.quality.measures.strata import strata_of
from service.store.measured import Arrival, Stored, Subject

_MINUTE = timedelta(minutes=1)


def on_time(arrival: Arrival, question: Question) -> Case | None:
    """Whether it was here soon after its EHR had stored it; None where that cannot be told.

    It cannot where the EHR does not say when, and not of what it had stored before the source was set up
    here: that came with its history.
    """
    stored, begun = arrival.last_updated, question.since_of.get(arrival.subject.source_id)
    if stored is None or (begun is not None and stored < begun):
        return None
    # Clocks differ a little: what seems to have come before it was stored came at once.
    took = max(arrival.received - stored, timedelta(0))
    met = took <= question.feed_target
    return _case(arrival.subject, arrival.received, question, met=met, amount=took / _MINUTE)


def lost(stored: Stored, question: Question) -> Case | None:
    """Whether the feed never brought it; None where it was not to, or may yet.

    It was not to bring what the EHR had stored before it first brought anything.
    """
    begun = question.fed_since.get(stored.subject.source_id)
    if begun is None or stored.at < begun or question.now - stored.at <= question.feed_target:
        return None
    missed = stored.way != "feed"
    took = (stored.received - stored.at) / _MINUTE if missed else None
    return _case(stored.subject, stored.at, question, met=missed, amount=took)


def unusable(arrival: Arrival, question: Question) -> Case:
    """Whether it waits in quarantine, so that nobody is judged by it."""
    return _case(arrival.subject, arrival.received, question, met=arrival.held)


def _case(
    subject: Subject, at: datetime, question: Question, *, met: bool, amount: float | None = None
) -> Case:
    day = at.astimezone(UTC).date()
    return Case(subject, day, met, amount, strata_of(subject, day, question.sources))
