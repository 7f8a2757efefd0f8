"""Below the results, on the same days: what was found, drugs that were taken, diagnoses on record."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import altair as alt

from service.charts.axes import Datasets, Say, Spec, Window, layered, time_axis
from service.charts.course import Course, Event, Lane, Span
from service.charts.palette import INK, LANES, MARKS

_MOST: Final = {Lane.EPISODE: 4, Lane.RUN: 5, Lane.DRUG: 8, Lane.DIAGNOSIS: 8}
"""Names a lane that are shown; those that bear on the liver first."""
_LONGEST: Final = 26
"""Characters of a name."""
_ROW: Final = 16
"""Pixels."""


def lanes(course: Course, window: Window, say: Say, datasets: Datasets, width: int) -> Spec | None:
    """The chart of spans and events within the window; None where there are none."""
    events = [_event(event, say) for event in course.events if window.holds(event.day)]
    rows = [row for lane in Lane for row in _rows(course.spans, lane, window, say)]
    names = list(dict.fromkeys(row["name"] for row in (*events, *rows)))
    if not names:
        return None
    axis = alt.Axis(title=None, labelLimit=170, domain=False, ticks=False, grid=True, gridColor="#ececec")
    y = alt.Y("name:N", sort=names, scale=alt.Scale(domain=names), axis=axis)
    layers = [_bars(datasets.add(rows), window, y)] if rows else []
    layers += _marks(datasets.add(events), window, y) if events else []
    drawn = layered(layers, width, _ROW * len(names))
    return drawn | {"resolve": {"scale": {"color": "independent", "shape": "independent"}}}


def _rows(spans: Sequence[Span], lane: Lane, window: Window, say: Say) -> Iterator[dict[str, Any]]:
    """The spans of a lane under at most so many names, those that bear on the liver first."""
    shown = [
        (span, clip) for span in spans if span.lane is lane and (clip := window.clip(span.start, span.end))
    ]
    of_weight = sorted(shown, key=lambda each: not each[0].matters)
    chosen = list(dict.fromkeys(span.name for span, _ in of_weight))[: _MOST[lane]]
    for span, (start, end) in shown:
        if span.name in chosen:
            yield {
                "name": f"{say(lane.value)}: {_short(say(span.name))}",
                "lane": lane.value,
                "from": start,
                "to": end,
                "says": f"{span.start or '?'} – {span.end or '…'}",
            }


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1].rstrip()}…"


def _event(event: Event, say: Say) -> dict[str, Any]:
    return {
        "name": say(event.mark.value),
        "mark": event.mark.value,
        "day": event.day.isoformat(),
        "what": say(event.what),
    }


def _bars(rows: alt.NamedData, window: Window, y: alt.Y) -> alt.Chart:
    colours = alt.Scale(domain=[each.value for each in LANES], range=list(LANES.values()))
    bars = alt.Chart(rows).mark_bar(height=7, minBandSize=3, stroke=INK, strokeWidth=0.3)
    drawn: alt.Chart = bars.encode(
        x=time_axis(window, "from"),
        x2="to:T",
        y=y,
        color=alt.Color("lane:N", scale=colours, legend=None),
        tooltip=["name:N", "says:N"],
    )
    return drawn


def _marks(events: alt.NamedData, window: Window, y: alt.Y) -> list[alt.Chart]:
    names = [each.value for each in MARKS]
    shapes = alt.Scale(domain=names, range=[shape for shape, _ in MARKS.values()])
    colours = alt.Scale(domain=names, range=[colour for _, colour in MARKS.values()])
    x, marked = time_axis(window), alt.Chart(events)
    points = marked.mark_point(filled=True, size=60, opacity=1).encode(
        x=x,
        y=y,
        shape=alt.Shape("mark:N", scale=shapes, legend=None),
        color=alt.Color("mark:N", scale=colours, legend=None),
        tooltip=["name:N", "day:T", "what:N"],
    )
    words = marked.mark_text(align="left", dx=7, fontSize=9, color=INK).encode(x=x, y=y, text="what:N")
    return [points, words]
