"""Cases of what the feed brought: how late, and whether it could be used."""

from datetime import UTC, timedelta

from service.quality.measures.cases import Case, Question
from service.quality.measures.strata import strata_of
from service.store.measured import Arrival

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
    return _case(arrival, question, met=took <= question.feed_target, amount=took / _MINUTE)


def unusable(arrival: Arrival, question: Question) -> Case:
    """Whether it waits in quarantine, so that nobody is judged by it."""
    return _case(arrival, question, met=arrival.held)


def _case(arrival: Arrival, question: Question, *, met: bool, amount: float | None = None) -> Case:
    day = arrival.received.astimezone(UTC).date()
    return Case(arrival.subject, day, met, amount, strata_of(arrival.subject, day, question.sources))
