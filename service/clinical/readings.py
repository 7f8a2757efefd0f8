"""A record's usable results by test and day, and how one reading of them is told."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from service.clinical.analytes import Analyte
from service.clinical.context import Context
from service.clinical.day_values import DayValue, nearest, read_day
from service.clinical.known import known_until
from service.clinical.limits import LABORATORY, LimitFinder
from service.clinical.months import age_in_years
from service.clinical.results import PatientRecord, ResultKey
from service.clinical.rulebook import Rulebook
from service.clinical.saying import analyte_in_words

_DAY = attrgetter("day")


@dataclass(frozen=True, slots=True)
class Input:
    """One thing a reading rests on."""

    what: str
    day: date | None
    """None for what has no day of its own (an age is of the day of the results)."""
    value: Decimal
    """In the canonical unit."""
    key: ResultKey | None = None


@dataclass(frozen=True, slots=True)
class Interpretation:
    """One thing that the results say together: never a diagnosis."""

    name: str
    """`r`, `n-r`, `ast-alt`, `isolated-alt`, `muscle`, `fib-4`, `apri`, `nfs`, `ctcae-ALT`, `edish`, ..."""
    words: str
    """What the record shows and what the guideline says of it; or why it cannot be said."""
    given: bool = True
    """False where an input is missing or the rule forbids it: `words` then say why."""
    value: Decimal | None = None
    reading: str = ""
    """What the value means by its rule: `cholestatic`, `low`, `grade 3`."""
    inputs: tuple[Input, ...] = ()
    caveats: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    """The rulebook's entries it is read by (their dotted paths, or the table that holds them)."""


class Readings:
    """Day-values without preliminary results, and the context beside them, as known at `as_of`."""

    def __init__(self, record: PatientRecord, rulebook: Rulebook, as_of: datetime) -> None:
        self.until = as_of + timedelta(hours=rulebook.rules.results.future_tolerance_hours)
        self.record = known_until(record, self.until)
        self.rulebook = rulebook
        self.rules = rulebook.rules.interpretation
        self.context = Context(record, rulebook)
        self.values: dict[Analyte, list[DayValue]] = {}
        limits = LimitFinder(rulebook, record.sex, record.birth_date)
        known = sorted((each for each in record.results if each.effective <= self.until), key=_DAY)
        for day, group in groupby(known, key=_DAY):
            child, pregnant = self.context.child(day), self.context.pregnant(day)
            read = read_day(group, day.toordinal(), limits, child=child, pregnant=pregnant)
            for analyte, value in read.finals.items():
                self.values.setdefault(analyte, []).append(value)

    def exact(self, analyte: Analyte) -> list[DayValue]:
        """Its uncensored day-values, the oldest first."""
        return [value for value in self.values.get(analyte, ()) if value.exact]

    def nearest(self, analyte: Analyte, day: date, days: int) -> DayValue | None:
        """The uncensored day-value nearest to `day`, at most `days` away; a tie goes to the earlier."""
        return nearest(self.exact(analyte), day, days)

    def age(self, day: date) -> int | None:
        """In completed years."""
        born = self.record.birth_date
        return None if born is None else int(age_in_years(born, day))


def from_results(values: Iterable[DayValue]) -> tuple[Input, ...]:
    """Day-values as the inputs of a reading."""
    return tuple(Input(value.analyte.value, value.day, value.value, value.result.key) for value in values)


def limit_caveats(values: Iterable[DayValue]) -> tuple[str, ...]:
    """Whose limit was used, where it was not the laboratory's own."""
    return tuple(
        f"the limit of {analyte_in_words(value.analyte)} is from the {value.source}"
        for value in values
        if value.source != LABORATORY
    )


def not_given(name: str, title: str, why: str, *rules: str) -> Interpretation:
    """A reading that cannot be given, and why."""
    return Interpretation(name, f"{title} is not given: {why}.", given=False, rules=rules)
