"""Every result of a person, in its unit and as a multiple of its limit; excluded ones say why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from service.charts.revisions import Older, same
from service.clinical.analytes import Analyte
from service.clinical.context import Context
from service.clinical.day_values import HAEMOLYSED, usable
from service.clinical.limits import LOW_IS_ABNORMAL, LimitFinder
from service.clinical.results import LabResult, PatientRecord, ResultKey
from service.clinical.rulebook import Rulebook
from service.clinical.saying import analyte_in_words, capitalised, number, quantity

_FLAGS: Mapping[str, str] = {
    HAEMOLYSED: "haemolysed specimen",
    "issued-time": "dated by when it was issued",
    "unordered": "no version or time orders it: the last to arrive counts",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One result as it is read."""

    key: ResultKey
    analyte: Analyte
    test: str
    day: date
    value: str
    """With its unit."""
    times: str
    """The multiple of the limit; empty where no limit may be used."""
    limit: str
    """With its unit and where it came from."""
    elevated: bool
    """Beyond its limit."""
    left_out: str
    """Why no rule may use it; empty where one may."""
    remarks: Sequence[str]


def shown_results(
    record: PatientRecord, book: Rulebook, as_of: datetime, corrected: Mapping[ResultKey, int]
) -> list[Shown]:
    """Every usable and every excluded result, the latest first.

    Args:
        record: the person's.
        book: whose limits and tolerances hold.
        as_of: results dated later wait for their time.
        corrected: how many versions before the current one said something else.
    """
    context = Context(record, book)
    limits = LimitFinder(book, record.sex, record.birth_date)
    ordered = sorted(record.results, key=lambda one: (one.day, one.effective, one.key), reverse=True)
    return [_shown(one, context, limits, as_of, corrected.get(one.key, 0)) for one in ordered]


def _shown(result: LabResult, context: Context, limits: LimitFinder, as_of: datetime, versions: int) -> Shown:
    day, analyte = result.day, result.analyte
    limit = limits.find(result, child=context.child(day), pregnant=context.pregnant(day))
    value = usable(result, day.toordinal(), limit) if limit else None
    remarks = [_FLAGS.get(flag, flag) for flag in result.flags]
    if versions:
        remarks.append("corrected" if versions == 1 else f"corrected {versions} times")
    side = "from" if analyte in LOW_IS_ABNORMAL else "to"
    return Shown(
        key=result.key,
        analyte=analyte,
        test=capitalised(analyte_in_words(analyte)),
        day=day,
        value=f"{result.comparator.value}{quantity(analyte, result.value)}",
        times=f"{number(result.value / limit.value)} ×" if limit else "",
        limit=f"{side} {quantity(analyte, limit.value)}, {limit.source}" if limit else "no limit",
        elevated=value is not None and value.elevated,
        left_out=_left_out(result, has_limit=limit is not None, decides=value is not None, as_of=as_of),
        remarks=remarks,
    )


def _left_out(result: LabResult, *, has_limit: bool, decides: bool, as_of: datetime) -> str:
    if result.effective > as_of and result.day > as_of.date():
        return "dated later than now: it waits"
    if result.preliminary:
        return "preliminary: for the urgent rules only"
    if not has_limit:
        return "no limit of normal may be used"
    if decides:
        return ""
    if HAEMOLYSED in result.flags:
        return "haemolysed: not used"
    return "may lie on either side of its limit"


@dataclass(frozen=True, slots=True)
class Grid:
    """Results as days against tests."""

    tests: Sequence[tuple[Analyte, str]]
    days: Sequence[tuple[date, Sequence[Sequence[Shown]]]]
    """Of each day, for each test, its results."""


def grid_of(shown: Iterable[Shown]) -> Grid:
    """The latest day first; tests in the order in which they are usually read."""
    by_day: dict[date, dict[Analyte, list[Shown]]] = {}
    for one in shown:
        by_day.setdefault(one.day, {}).setdefault(one.analyte, []).append(one)
    present = {analyte for tests in by_day.values() for analyte in tests}
    tests = [analyte for analyte in Analyte if analyte in present]
    return Grid(
        [(analyte, capitalised(analyte_in_words(analyte))) for analyte in tests],
        [(day, [by_day[day].get(analyte, []) for analyte in tests]) for day in sorted(by_day, reverse=True)],
    )


@dataclass(frozen=True, slots=True)
class Earlier:
    """A version of a result that counts no more."""

    test: str
    day: date
    value: str
    now: str
    """What stands in its stead; `retracted` where nothing does."""
    received: datetime


def earlier(older: Iterable[Older], current: Mapping[ResultKey, LabResult]) -> list[Earlier]:
    """What earlier versions said, where what stands now is something else.

    Args:
        older: the versions that are not current.
        current: the results that count now.
    """
    found: list[Earlier] = []
    for version in older:
        for old in version.results:
            new = current.get(old.key)
            if new is not None and same(old, new):
                continue
            test = capitalised(analyte_in_words(old.analyte))
            now, received = _value(new) if new else "retracted", version.version.received
            found.append(Earlier(test, old.day, _value(old), now, received))
    return sorted(found, key=lambda one: (one.day, one.received), reverse=True)


def _value(result: LabResult) -> str:
    early = " (preliminary)" if result.preliminary else ""
    return f"{result.comparator.value}{quantity(result.analyte, result.value)} on {result.day}{early}"
