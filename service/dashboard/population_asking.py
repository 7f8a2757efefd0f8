"""What is asked of a population: which people, over which months, measured by what; nobody is named in it."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, TypeVar
from urllib.parse import urlencode

from service.clinical.edish import Quadrant, quadrant
from service.clinical.bands import Band
from service.clinical.injury_pattern import InjuryPattern
from service.clinical.interpretation_thresholds import Edish
from service.clinical.months import add_months
from service.errors import InvalidResource
from service.clinical.months import POSSIBLE_YEARS

MONTHS: Final = 12
"""The period where none is chosen: so many, this month included."""
HIGHEST: Final = 100_000.0
"""No multiple that anybody asks for is above it."""


class Measure(StrEnum):
    """What a value is a multiple of."""

    LIMIT = "limit"
    BASELINE = "baseline"


class Axes(StrEnum):
    """How the axes of the scatter run."""

    LOG = "log"
    LINEAR = "linear"


class Lasting(StrEnum):
    """How long an elevation of a person lasted in the period, the longest of theirs."""

    MONTHS = "persistent"
    CHRONIC = "chronic"
    LONG = "long"
    INTERMITTENT = "intermittent"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Question:
    """Which people, and how they are measured."""

    first: date
    """The first day of the first month."""
    last: date
    """The last day of the last month."""
    measure: Measure
    axes: Axes
    pattern: InjuryPattern | None
    enzyme_line: float
    bilirubin_line: float

    @property
    def query(self) -> str:
        """As it stands in an address."""
        return urlencode(self.fields)

    @property
    def fields(self) -> dict[str, str]:
        """By the names of the form's fields."""
        return {
            "from": f"{self.first:%Y-%m}",
            "to": f"{self.last:%Y-%m}",
            "measure": self.measure.value,
            "axes": self.axes.value,
            "pattern": self.pattern.value if self.pattern else "",
            "enzyme_line": f"{self.enzyme_line:g}",
            "bilirubin_line": f"{self.bilirubin_line:g}",
        }

    def quadrant(self, enzyme: float, bilirubin: float) -> Quadrant:
        """Of these multiples, by the lines that were chosen."""
        return quadrant(
            enzyme_high=enzyme > self.enzyme_line, bilirubin_high=bilirubin >= self.bilirubin_line
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of those people are to be listed; what is None, all."""

    enzyme_from: float | None = None
    enzyme_to: float | None = None
    bilirubin_from: float | None = None
    bilirubin_to: float | None = None
    quadrant: Quadrant | None = None
    band: Band | None = None
    lasting: Lasting | None = None

    @property
    def fields(self) -> dict[str, str]:
        """Those that are set, by the names of the form's fields."""
        return {name: _written(value) for name, value in asdict(self).items() if value is not None}

    @property
    def empty(self) -> bool:
        """Whether nothing is selected."""
        return not self.fields


def question_of(given: Mapping[str, str], lines: Edish, today: date) -> Question:
    """The question of an address.

    Args:
        given: its fields; of those that are missing or empty, what is usual.
        lines: the rulebook's.
        today: the day on which it is asked.

    Raises:
        InvalidResource: a month, a line or a choice is none.
    """
    last = _month(given.get("to", "")) or today.replace(day=1)
    first = _month(given.get("from", "")) or add_months(last, 1 - MONTHS)
    if first > last:
        raise InvalidResource("the first month comes after the last")
    return Question(
        first,
        add_months(last, 1) - timedelta(days=1),
        _choice(Measure, given.get("measure", "")) or Measure.LIMIT,
        _choice(Axes, given.get("axes", "")) or Axes.LOG,
        _choice(InjuryPattern, given.get("pattern", "")),
        _multiple(given.get("enzyme_line", "")) or float(lines.enzyme),
        _multiple(given.get("bilirubin_line", "")) or float(lines.bilirubin),
    )


def selection_of(given: Mapping[str, str]) -> Selection:
    """What an address selects.

    Raises:
        InvalidResource: a bound or a choice is none.
    """
    bounds = {
        name: _multiple(given.get(name, ""))
        for name in ("enzyme_from", "enzyme_to", "bilirubin_from", "bilirubin_to")
    }
    band = given.get("band", "")
    if band and band.upper() not in Band.__members__:
        raise InvalidResource("there is no such band")
    return Selection(
        **bounds,
        quadrant=_choice(Quadrant, given.get("quadrant", "")),
        band=Band[band.upper()] if band else None,
        lasting=_choice(Lasting, given.get("lasting", "")),
    )


def _written(value: object) -> str:
    if isinstance(value, Band):
        return value.name.lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _month(text: str) -> date | None:
    try:
        month = date.fromisoformat(f"{text}-01") if text else None
    except ValueError:
        raise InvalidResource("a month is written as in 2026-03") from None
    if month is not None and month.year not in POSSIBLE_YEARS:
        raise InvalidResource(f"months are of {POSSIBLE_YEARS.start} to {POSSIBLE_YEARS.stop - 1}")
    return month


def _multiple(text: str) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        value = math.nan
    if value is not None and not 0 < value <= HIGHEST:
        raise InvalidResource("a multiple is a number above 0")
    return value


_Choice = TypeVar("_Choice", bound=StrEnum)


def _choice(kind: type[_Choice], text: str) -> _Choice | None:
    try:
        return kind(text) if text else None
    except ValueError:
        raise InvalidResource("there is no such choice") from None
