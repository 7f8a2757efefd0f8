"""What of a record was known by a moment: nothing that is dated after it counts."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TypeVar

from service.clinical.results import Condition, Done, Medication, PatientRecord, Progress

_Lasting = TypeVar("_Lasting", Condition, Medication)


def known_until(record: PatientRecord, until: datetime) -> PatientRecord:
    """The record's context up to the UTC day of `until`; its results are not looked at.

    What had begun by then and ended later had not ended: it is taken as still holding. An order counts from
    the day it was written; where the record does not say, at once, for its day may be an appointment's.
    """
    last = until.astimezone(UTC).date()
    return replace(
        record,
        measurements=[each for each in record.measurements if each.day <= last],
        done=[each for each in record.done if _known_from(each) <= last],
        conditions=[_as_of(each, last) for each in record.conditions if _begun(each, last)],
        medications=[_as_of(each, last) for each in record.medications if _begun(each, last)],
    )


def becoming_known(record: PatientRecord, until: datetime) -> Iterator[date]:
    """The days after `until` on which the context so known changes."""
    last = until.astimezone(UTC).date()
    days = [each.day for each in record.measurements]
    days += [_known_from(each) for each in record.done]
    stated = [(each.start, each.end) for each in record.conditions]
    stated += [(each.start, each.end) for each in record.medications]
    days += [day for period in stated for day in period if day is not None]
    return (day for day in days if day > last)


def _known_from(each: Done) -> date:
    if each.progress is Progress.DONE:
        return each.day
    return each.ordered_on or date.min


def _begun(each: Condition | Medication, last: date) -> bool:
    return each.start is None or each.start <= last


def _as_of(each: _Lasting, last: date) -> _Lasting:
    if each.end is None or each.end <= last:
        return each
    if isinstance(each, Condition):
        return replace(each, end=None, active=True)
    return replace(each, end=None, current=True)
