"""What is dated after the moment of judgement does not count."""

from datetime import UTC, date, datetime

import pytest

from service.clinical.known import becoming_known, known_until
from service.clinical.results import (
    Condition,
    Done,
    Measurement,
    Medication,
    PatientRecord,
    Progress,
    ResultKey,
)

TODAY, TOMORROW = date(2024, 3, 1), date(2024, 3, 2)
UNTIL = datetime(2024, 3, 1, 23, 59, tzinfo=UTC)


def ferritin(day: date) -> Measurement:
    return Measurement(ResultKey("lab", "f"), "ferritin", day)


def ultrasound(day: date, progress: Progress = Progress.DONE, ordered_on: date | None = None) -> Done:
    return Done("Procedure/u", "ultrasound", day, progress, ordered_on)


def gallstones(start: date | None, end: date | None = None, *, active: bool = True) -> Condition:
    return Condition((), "Gallstones", start, end, active)


def statin(start: date | None, end: date | None = None, *, current: bool = True) -> Medication:
    return Medication((), "Simvastatin", start, end, current)


def test_what_is_of_the_day_counts_and_what_is_of_the_next_day_does_not() -> None:
    given = PatientRecord(
        (),
        measurements=[ferritin(TODAY), ferritin(TOMORROW)],
        done=[ultrasound(TODAY), ultrasound(TOMORROW)],
        conditions=[gallstones(TODAY), gallstones(TOMORROW), gallstones(None)],
        medications=[statin(TODAY), statin(TOMORROW), statin(None)],
    )
    known = known_until(given, UNTIL)
    assert known.measurements == [ferritin(TODAY)]
    assert known.done == [ultrasound(TODAY)]
    assert known.conditions == [gallstones(TODAY), gallstones(None)]
    assert known.medications == [statin(TODAY), statin(None)]


def test_what_ends_later_has_not_ended_yet() -> None:
    given = PatientRecord(
        (),
        conditions=[gallstones(TODAY, TOMORROW, active=False), gallstones(TODAY, TODAY)],
        medications=[statin(TODAY, TOMORROW, current=False), statin(TODAY, TODAY)],
    )
    known = known_until(given, UNTIL)
    assert known.conditions == [gallstones(TODAY), gallstones(TODAY, TODAY)]
    assert known.medications == [statin(TODAY), statin(TODAY, TODAY)]


@pytest.mark.parametrize(("ordered_on", "counts"), [(TODAY, True), (TOMORROW, False), (None, True)], ids=str)
def test_an_appointment_to_come_counts_once_its_order_was_written(
    ordered_on: date | None, counts: bool
) -> None:
    given = PatientRecord((), done=[ultrasound(date(2024, 5, 1), Progress.ORDERED, ordered_on)])
    assert bool(known_until(given, UNTIL).done) is counts


def test_the_days_on_which_more_is_known_are_those_after_the_moment() -> None:
    third, fourth = date(2024, 3, 3), date(2024, 3, 4)
    given = PatientRecord(
        (),
        measurements=[ferritin(TODAY), ferritin(TOMORROW)],
        done=[ultrasound(third), ultrasound(TOMORROW, Progress.ORDERED)],
        conditions=[gallstones(TODAY, fourth)],
        medications=[statin(fourth), statin(None)],
    )
    assert sorted(becoming_known(given, UNTIL)) == [TOMORROW, third, fourth, fourth]
