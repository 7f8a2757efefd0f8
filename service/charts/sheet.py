"""What every part of a chart shares: the days from left to right, words, colours, and where rows are kept.

Specs are written as the JSON that Vega-Lite defines: of 500 results Altair made one in 80 ms of processor
time, this does in 5, and people wait for it. In tests Altair's copy of the schema holds every spec to it.
"""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from service.charts.course import Course
from service.charts.palette import Paint

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


class Sheet(NamedTuple):
    """What a chart is drawn on."""

    window: Window
    say: Say
    paint: Paint
    width: int
    """Of the plot, in pixels."""
    datasets: dict[str, list[Spec]]
    """Rows that have been put on it, each list under a name that its parts refer to."""

    def rows(self, rows: Iterable[Spec]) -> Spec:
        """Put rows on it.

        Returns:
            What refers to them as `data`.
        """
        name = f"rows-{len(self.datasets) + 1}"
        self.datasets[name] = list(rows)
        return {"name": name}

    def days(self) -> Spec:
        """The days from left to right, the same in every panel."""
        scale = {"type": "utc", "domain": [each.isoformat() for each in self.window], "nice": False}
        return {"field": "day", "type": "temporal", "scale": scale, "axis": self._axis}

    @property
    def spans(self) -> Spec:
        """Channels of what runs from day to day, on the scale of a layer beside it that has `days`."""
        # A domain of their own would be taken twice by Vega-Lite: as dates for `x`, and as text for `x2`.
        scale = {"type": "utc", "nice": False}
        begin = {"field": "from", "type": "temporal", "scale": scale, "axis": self._axis}
        return {"x": begin, "x2": {"field": "to"}}

    @property
    def _axis(self) -> Spec:
        months = (self.window.last - self.window.first).days > 120
        return {
            "title": None,
            "format": "%Y-%m" if months else "%Y-%m-%d",
            "labelAngle": 0,
            "tickCount": 6,
            "grid": False,
            "labelOverlap": True,
        }

    def layered(self, layers: Iterable[Spec], height: int) -> Spec:
        """Layers over each other, from what lies behind to what lies in front; the height is in pixels."""
        return {"layer": list(layers), "width": self.width, "height": height}


def of_names(field: str, looks: dict[str, Any], **more: Any) -> Spec:
    """A channel that looks as the field's value says: a colour, shape or dash for each."""
    scale = {"domain": list(looks), "range": list(looks.values())}
    return {"field": field, "type": "nominal", "scale": scale, "legend": None, **more}


def text(field: str, **more: Any) -> Spec:
    """A channel of words."""
    return {"field": field, "type": "nominal", **more}
