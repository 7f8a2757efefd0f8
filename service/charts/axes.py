"""What every part of a chart shares: the days from left to right, and rows as they stand in the spec."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

import altair as alt

from service.charts.course import Course

Spec = dict[str, Any]
"""Vega-Lite, or a part of it."""
Say = Callable[[str], str]
"""A text in the reader's language."""

_MARGIN: Final = 0.02
"""Of the time shown, left free at either end."""
_LEAST_DAYS: Final = 3


class Window(NamedTuple):
    """The days that are shown."""

    first: date
    last: date

    def holds(self, day: date) -> bool:
        """Whether a day is shown."""
        return self.first <= day <= self.last

    def clip(self, start: date | None, end: date | None) -> tuple[str, str] | None:
        """What of a span is shown, as days of the spec; None where it lies outside. An open side runs on."""
        begin, until = max(start or self.first, self.first), min(end or self.last, self.last)
        return None if begin > until else (begin.isoformat(), until.isoformat())


def window_of(course: Course) -> Window:
    """From the first result to the last result, alert or decision, with some room."""
    days = [*(point.day for point in course.points), *(event.day for event in course.events)]
    first, last = min(days, default=course.until), max(days, default=course.until)
    room = timedelta(days=max(int((last - first).days * _MARGIN), _LEAST_DAYS))
    return Window(first - room, last + room)


def time_axis(window: Window, field: str = "day") -> alt.X:
    """Days from left to right, the same in every panel."""
    scale = alt.Scale(type="utc", domain=[each.isoformat() for each in window], nice=False)
    months = (window.last - window.first).days > 120
    axis = alt.Axis(
        title=None,
        format="%Y-%m" if months else "%Y-%m-%d",
        labelAngle=0,
        tickCount=6,
        grid=False,
        labelOverlap=True,
    )
    return alt.X(f"{field}:T", scale=scale, axis=axis)


def layered(charts: Iterable[alt.Chart], width: int, height: int) -> Spec:
    """Charts over each other. Put together here: Altair copies and validates all of each at every step."""
    parts = [chart.to_dict(validate=False, context={"top_level": False}) for chart in charts]
    return {"layer": parts, "width": width, "height": height}


class Datasets:
    """The rows of a chart, each under a name that its parts refer to."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        """By name, as they stand in the spec."""

    def add(self, rows: Iterable[dict[str, Any]]) -> alt.NamedData:
        """More rows; what refers to them."""
        name = f"rows-{len(self.rows) + 1}"
        self.rows[name] = list(rows)
        return alt.NamedData(name=name)
