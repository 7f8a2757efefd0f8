"""Small records with context for the causes: days are counted as in `records`."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count

from service.clinical.causes.candidates import candidate_causes
from service.clinical.causes.on_record import Course, OnRecord
from service.clinical.causes.cause import Cause, CauseName, Evidence
from service.clinical.episodes import Family
from service.clinical.readings import Readings
from service.clinical.results import (
    Answer,
    Comparator,
    Condition,
    Measurement,
    Medication,
    PatientRecord,
    ResultKey,
)
from tests.clinical.records import RULEBOOK, When, day_of, elevations, judged

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
_numbers = count()
FOR, AGAINST, UNKNOWN, NOTES = "speaks_for", "speaks_against", "unknown", "notes"


def measured(what: str, value: object = None, when: When = 0, **more: object) -> Measurement:
    """A measurement with a number; `comparator`, `low` and `high` may be given."""
    number = None if value is None else Decimal(str(value))
    for limit in ("low", "high"):
        if limit in more:
            more[limit] = Decimal(str(more[limit]))
    more["comparator"] = Comparator(str(more.get("comparator", "")))
    key = ResultKey("lab", f"measured-{next(_numbers):06}")
    return Measurement(key, what, day_of(when), number, **more)  # type: ignore[arg-type]


def told(what: str, text: str, when: When = 0) -> Measurement:
    """A measurement that answers in words, as the decoder reads them."""
    lowered = text.casefold()
    plain = {
        "positive": Answer.POSITIVE,
        "negative": Answer.NEGATIVE,
        "yes": Answer.POSITIVE,
        "no": Answer.NEGATIVE,
    }
    plain["indeterminate"] = Answer.UNCLEAR
    return measured(what, None, when, text=text, answer=plain.get(lowered))


def recorded(
    text: str, start: When | None = None, end: When | None = None, *, active: bool = True
) -> Condition:
    """A condition, with a resource of its own."""
    first, last = (None if one is None else day_of(one) for one in (start, end))
    return Condition((), text, first, last, active, f"Condition/c{next(_numbers)}")


def taken(
    text: str, start: When | None = None, end: When | None = None, *, current: bool = True
) -> Medication:
    """A drug, with a resource of its own."""
    first, last = (None if one is None else day_of(one) for one in (start, end))
    return Medication((), text, first, last, current, f"MedicationRequest/m{next(_numbers)}")


def with_context(record: PatientRecord, *context: Measurement | Condition | Medication) -> PatientRecord:
    """The record with these beside what it has."""
    return replace(
        record,
        measurements=[*record.measurements, *(one for one in context if isinstance(one, Measurement))],
        conditions=[*record.conditions, *(one for one in context if isinstance(one, Condition))],
        medications=[*record.medications, *(one for one in context if isinstance(one, Medication))],
    )


def causes(record: PatientRecord, family: Family | None = None) -> tuple[Cause, ...]:
    """Those of the latest episode of elevated results (of a family, if given), at its latest elevated day."""
    episode = [one for one in elevations(judged(record)) if family in (None, one.family)][-1]
    readings = Readings(record, RULEBOOK, NOW)
    return candidate_causes(OnRecord(readings, Course.of(episode, latest_elevated(record, episode.evidence))))


def latest_elevated(record: PatientRecord, evidence: Iterable[ResultKey]) -> date:
    """The latest day of the results that an episode is made of."""
    kept = frozenset(evidence)
    return max(result.day for result in record.results if result.key in kept)


def cause(record: PatientRecord, name: CauseName, family: Family | None = None) -> Cause:
    """One of them."""
    return next(one for one in causes(record, family) if one.name is name)


def words(evidence: Iterable[Evidence]) -> str:
    """All that it says."""
    return " | ".join(one.words for one in evidence)


def says(found: Cause, side: str, fragment: str) -> None:
    """Holds that one side of the cause says this, and that the other two do not."""
    assert fragment in words(getattr(found, side)), found
    for other in {FOR, AGAINST, UNKNOWN} - {side}:
        assert fragment not in words(getattr(found, other)), found
