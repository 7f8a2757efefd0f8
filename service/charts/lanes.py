"""Below the results, on the same days: what was found, drugs that were taken, diagnoses on record."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import zip_longest
from typing import Any, Final

from service.charts.course import Course, Lane, Mark, Span
from service.charts.palette import LANES, MARKS
from service.charts.sheet import Sheet, Spec, of_names, text

_MOST: Final = {Lane.EPISODE: 4, Lane.RUN: 5, Lane.DRUG: 8, Lane.DIAGNOSIS: 8}
"""Names a lane that are shown; those that bear on the liver first."""
_LONGEST: Final = 26
"""Characters of a name."""
_ROW: Final = 16
"""Pixels."""
_ROOM: Final = 0.08
"""Of the time shown, for the word of an event."""


def lanes(course: Course, sheet: Sheet) -> Spec | None:
    """The chart of spans and events within the days shown; None where there are none."""
    events = _events(course, sheet)
    rows = [row for lane in Lane for row in _rows(course.spans, lane, sheet)]
    names = list(dict.fromkeys(row["name"] for row in (*events, *rows)))
    if not names:
        return None
    axis = {"title": None, "domain": False, "ticks": False, "grid": True, "gridColor": sheet.paint("grid")}
    y = text("name", sort=names, scale={"domain": names}, axis=axis)
    bars = [_bars(sheet, rows, y)] if rows else []
    drawn = sheet.layered([*bars, *_marks(sheet, events, y)], _ROW * len(names))
    return drawn | {"resolve": {"scale": {"color": "independent", "shape": "independent"}}}


def _rows(spans: Sequence[Span], lane: Lane, sheet: Sheet) -> Iterator[dict[str, Any]]:
    """The spans of a lane under at most so many names, those that bear on the liver first."""
    of_lane = (span for span in spans if span.lane is lane)
    shown = [(span, clip) for span in of_lane if (clip := sheet.window.clip(span.start, span.end))]
    of_weight = sorted(shown, key=lambda each: not each[0].matters)
    chosen = list(dict.fromkeys(span.name for span, _ in of_weight))[: _MOST[lane]]
    for span, (start, end) in shown:
        if span.name in chosen:
            name = sheet.say(span.name)
            told = f"{span.start or '?'} – {span.end or '…'}"
            yield {
                "name": f"{sheet.say(lane.value)}: {_short(name)}",
                "lane": lane.value,
                "from": start,
                "to": end,
                "says": told,
                "told": f"{sheet.say(lane.value)}: {name}, {told}",
            }


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1].rstrip()}…"


def _events(course: Course, sheet: Sheet) -> list[dict[str, Any]]:
    """What happened on a day once; in a word where the next of its kind leaves room for it."""
    found: dict[tuple[Mark, date], list[str]] = {}
    for event in course.events:
        if sheet.window.holds(event.day):
            found.setdefault((event.mark, event.day), []).append(sheet.say(event.what))
    room = (sheet.window.last - sheet.window.first) * _ROOM
    inorder = sorted(found, key=lambda each: (list(Mark).index(each[0]), each[1]))
    rows = []
    for (mark, day), after in zip_longest(inorder, inorder[1:]):
        name, what = sheet.say(mark.value), ", ".join(dict.fromkeys(found[mark, day]))
        crowded = after is not None and after[0] is mark and after[1] - day < room
        rows.append(
            {
                "name": name,
                "mark": mark.value,
                "day": day.isoformat(),
                "word": "" if crowded else what,
                "says": f"{day}: {what}",
                "told": f"{name}, {day}: {what}",
            }
        )
    return rows


def _bars(sheet: Sheet, rows: Sequence[Spec], y: Spec) -> Spec:
    mark = {
        "type": "bar",
        "height": 7,
        "minBandSize": 3,
        "stroke": sheet.paint("ink"),
        "strokeWidth": 0.3,
    }
    colour = of_names("lane", {lane.value: sheet.paint(name) for lane, name in LANES.items()})
    encoding = {**sheet.spans, "y": y, "color": colour, **_told()}
    return {"data": sheet.rows(rows), "mark": mark, "encoding": encoding}


def _marks(sheet: Sheet, events: Sequence[Spec], y: Spec) -> list[Spec]:
    place = {"x": sheet.days(), "y": y}
    shapes = of_names("mark", {mark.value: shape for mark, (shape, _) in MARKS.items()})
    colours = of_names("mark", {mark.value: sheet.paint(name) for mark, (_, name) in MARKS.items()})
    rows, told = sheet.rows(events), _told() if events else {}
    point = {"type": "point", "filled": True, "size": 60, "opacity": 1, "aria": bool(events)}
    word = {
        "type": "text",
        "align": "left",
        "dx": 7,
        "fontSize": 9,
        "color": sheet.paint("ink"),
        "aria": False,
    }
    return [
        {"data": rows, "mark": point, "encoding": {**place, "shape": shapes, "color": colours, **told}},
        {"data": rows, "mark": word, "encoding": {**place, "text": text("word")}},
    ]


def _told() -> Spec:
    """What a span or event says when pointed at, and to who cannot see it."""
    return {"tooltip": [text("name"), text("says")], "description": text("told")}
