"""The question that a page, a command or a FHIR operation asks, from what it was given."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from service.clinical.months import POSSIBLE_YEARS, add_months
from service.clinical.rulebook import Rulebook
from service.errors import InvalidResource
from service.quality.measures.cases import Question
from service.settings import Settings
from service.store import freshness, sources

DEFAULT_MONTHS = 12
"""How far back is looked where nobody says from when on."""
LONGEST_YEARS = 10


def question_of(
    connection: Connection,
    settings: Settings,
    rulebook: Rulebook,
    now: datetime,
    *,
    first: date | None = None,
    last: date | None = None,
    names: Collection[str] | None = None,
) -> Question:
    """What is asked.

    Args:
        connection: an open transaction.
        settings: with the operational targets, and what is masked.
        rulebook: with the clinical ones.
        now: the moment, aware.
        first: the first day; None: so many months before the last.
        last: the last day; None: today.
        names: sources that may be seen; None: every one.

    Raises:
        InvalidResource: the first day is after the last, the period is longer than ten years, or no day of
            anybody's record.
    """
    last = last or now.date()
    if not all(each is None or each.year in POSSIBLE_YEARS for each in (first, last)):
        raise InvalidResource(f"days are of {POSSIBLE_YEARS.start} to {POSSIBLE_YEARS.stop - 1}")
    first = first or add_months(last, -DEFAULT_MONTHS) + timedelta(days=1)
    if first > last:
        raise InvalidResource("the period ends before it begins")
    if (last - first).days > LONGEST_YEARS * 366:
        raise InvalidResource(f"the period is longer than {LONGEST_YEARS} years")
    return Question(
        first,
        last,
        {each.id: each.name for each in sources.every(connection) if names is None or each.name in names},
        now,
        rulebook,
        timedelta(seconds=settings.feed_target_seconds),
        settings.smallest_cell,
        sources.created(connection),
        freshness.fed_since(connection),
    )
