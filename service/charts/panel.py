"""One panel of a chart: results that share an axis, with what lies behind them."""

from collections.abc import Iterator, Sequence
from math import log10
from typing import Any, Final, NamedTuple

import altair as alt

from service.charts.axes import Datasets, Say, Spec, Window, layered, time_axis
from service.charts.course import Course, Lane, Point, Standing
from service.charts.palette import BAND, HOLLOW, INK, LOOKS, SHADE, SHAPES
from service.charts.units import LOWER, UPPER, Told
from service.clinical.analytes import Analyte

_LABEL_GAP: Final = 13
"""Pixels between the labels at the ends of lines."""
_GREY: Final = "#5f5f5f"


class Panel(NamedTuple):
    """What is drawn on one axis."""

    name: str
    points: Sequence[tuple[Point, Told]]
    window: Window
    say: Say
    datasets: Datasets
    width: int
    height: int

    @property
    def domain(self) -> tuple[float, float]:
        """Of the vertical axis, with room for labels; multiples always show the limit of normal."""
        values = [shown.value for _, shown in self.points]
        if self.name in (UPPER, LOWER):
            return min([*values, 0.6]) * 0.8, max([*values, 3.0]) * 1.6
        values += [shown.limit for _, shown in self.points if shown.limit is not None]
        return min(values) * 0.7, max(values) * 1.6

    @property
    def analytes(self) -> list[Analyte]:
        """Those in it, each once."""
        return list(dict.fromkeys(point.analyte for point, _ in self.points))

    def y(self, field: str = "value") -> alt.Y:
        """The vertical axis, logarithmic."""
        axis = alt.Axis(title=self.say(self.name), gridColor="#e6e6e6", tickCount=5, format="~g")
        scale = alt.Scale(type="log", domain=list(self.domain), nice=False)
        return alt.Y(f"{field}:Q", scale=scale, axis=axis)

    def colour(self, analytes: Sequence[Analyte]) -> alt.Color:
        """Each analyte has its own; its name stands at the end of its line."""
        names, looks = [each.value for each in analytes], [LOOKS[each].colour for each in analytes]
        return alt.Color("analyte:N", scale=alt.Scale(domain=names, range=looks), legend=None)


def draw(panel: Panel, course: Course) -> Spec:
    """The panel, from what lies behind to what lies in front."""
    layers = [*_behind(panel, course), *_results(panel), _ends(panel)]
    return layered(layers, panel.width, panel.height)


def _behind(panel: Panel, course: Course) -> Iterator[alt.Chart]:
    """Shading of episodes, the reference band, the rulebook's lines, the days of alerts and decisions."""
    low, high = panel.domain
    episodes = (span for span in course.spans if span.lane is Lane.EPISODE)
    shaded = [clip for span in episodes if (clip := panel.window.clip(span.start, span.end))]
    if shaded:
        yield _rectangles(panel, [(*clip, low, high) for clip in dict.fromkeys(shaded)], SHADE)
    if panel.name in (UPPER, LOWER):
        whole = tuple(each.isoformat() for each in panel.window)
        normal = (low, 1.0) if panel.name == UPPER else (1.0, high)
        yield _rectangles(panel, [(*whole, *normal)], BAND)
        yield from _lines(panel, course)
    days = [{"day": each.day.isoformat()} for each in course.events if panel.window.holds(each.day)]
    if days:
        rule = alt.Chart(panel.datasets.add(days)).mark_rule(color=INK, strokeDash=[2, 4], opacity=0.5)
        yield rule.encode(x=time_axis(panel.window))


def _rectangles(panel: Panel, corners: Sequence[tuple[Any, ...]], colour: str) -> alt.Chart:
    rows = [dict(zip(("from", "to", "low", "high"), each, strict=True)) for each in corners]
    drawn = alt.Chart(panel.datasets.add(rows)).mark_rect(color=colour, opacity=0.7)
    rectangles: alt.Chart = drawn.encode(
        x=time_axis(panel.window, "from"), x2="to:T", y=panel.y("low"), y2="high:Q"
    )
    return rectangles


def _lines(panel: Panel, course: Course) -> Iterator[alt.Chart]:
    """The limit of normal, and where the rulebook's bands of ALT and AST begin."""
    low, high = panel.domain
    lines = [(1.0, panel.say("limit of normal"))]
    if panel.name == UPPER:
        bands = ((each, panel.say(each.name)) for each in course.thresholds)
        lines += [(float(each.multiple), f"{each.multiple} ×: {name} (ALT, AST)") for each, name in bands]
    start = panel.window.first.isoformat()
    rows = [
        {"value": value, "day": start, "text": text} for value, text in lines if low < value < high * 0.95
    ]
    lined = alt.Chart(panel.datasets.add(rows))
    yield lined.mark_rule(color=_GREY, strokeDash=[5, 4], strokeWidth=0.8).encode(y=panel.y())
    words = lined.mark_text(align="left", baseline="bottom", dx=3, dy=-1, fontSize=9, color="#404040")
    yield words.encode(x=time_axis(panel.window), y=panel.y(), text="text:N")


def _results(panel: Panel) -> Iterator[alt.Chart]:
    """A line an analyte through what counts, its limit where that is no constant, and each result."""
    x, y, colour = time_axis(panel.window), panel.y(), panel.colour(panel.analytes)
    every = alt.Chart(panel.datasets.add(_rows(panel)))
    counted = every.transform_filter("datum.counts")
    dashes = alt.Scale(
        domain=[each.value for each in panel.analytes],
        range=[list(LOOKS[each].dash) for each in panel.analytes],
    )
    lined = {"color": colour, "strokeDash": alt.StrokeDash("analyte:N", scale=dashes, legend=None)}
    if panel.name not in (UPPER, LOWER):
        limits = counted.mark_line(strokeWidth=0.8, opacity=0.6, interpolate="step-after")
        yield limits.transform_filter("isValid(datum.limit)").encode(x=x, y=panel.y("limit"), **lined)
    yield counted.mark_line(strokeWidth=1.6).encode(x=x, y=y, **lined)
    for hollow in (False, True):
        some = every.transform_filter("!datum.counts") if hollow else counted
        points = some.mark_point(filled=not hollow, size=40, strokeWidth=1.6, opacity=1)
        yield points.encode(x=x, y=y, color=colour, shape=_shape(panel), tooltip=_tooltip(panel))
    remarks = every.transform_filter("datum.remark != ''").mark_text(dy=-9, fontSize=9, color=INK)
    yield remarks.encode(x=x, y=y, text="remark:N")


def _rows(panel: Panel) -> Iterator[dict[str, Any]]:
    for point, shown in panel.points:
        standing = panel.say(point.standing.value)
        yield {
            "analyte": point.analyte.value,
            "day": point.day.isoformat(),
            "value": shown.value,
            "limit": shown.limit,
            "standing": standing,
            "counts": point.standing not in HOLLOW,
            "says": f"{point.day}: {shown.words}",
            "remark": "" if point.standing is Standing.COUNTED else standing,
        }


def _shape(panel: Panel) -> alt.Shape:
    used = {point.standing for point, _ in panel.points}
    shapes = {panel.say(each.value): shape for each, shape in SHAPES.items() if each in used}
    legend = alt.Legend(
        title=panel.say("Result"), orient="bottom", direction="horizontal", symbolStrokeColor=INK
    )
    scale = alt.Scale(domain=list(shapes), range=list(shapes.values()))
    return alt.Shape("standing:N", scale=scale, legend=legend if len(shapes) > 1 else None)


def _tooltip(panel: Panel) -> list[alt.Tooltip]:
    titles = {"analyte": "Test", "says": "Result", "standing": "Counts as"}
    return [alt.Tooltip(f"{field}:N", title=panel.say(title)) for field, title in titles.items()]


def _ends(panel: Panel) -> alt.Chart:
    """The name of each analyte where its line ends, moved apart where they would meet."""
    low, high = (log10(each) for each in panel.domain)
    last = {point.analyte: shown.value for point, shown in panel.points}
    inorder = sorted(last.items(), key=lambda each: (each[1], each[0]))
    places = apart([log10(value) for _, value in inorder], _LABEL_GAP * (high - low) / panel.height)
    rows = [
        {"analyte": analyte.value, "day": panel.window.last.isoformat(), "value": 10**place}
        for (analyte, _), place in zip(inorder, places, strict=True)
    ]
    named = alt.Chart(panel.datasets.add(rows)).mark_text(
        align="left", dx=5, fontWeight="bold", fontSize=10, clip=False
    )
    colour = panel.colour(panel.analytes)
    ends: alt.Chart = named.encode(x=time_axis(panel.window), y=panel.y(), text="analyte:N", color=colour)
    return ends


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Places in rising order, as near as can be to those given, and at least `gap` from each other."""
    groups: list[tuple[float, int]] = []
    """Mean of what is given less the room below it, and how many stand so close that they move together."""
    for index, place in enumerate(places):
        mean, size = place - index * gap, 1
        while groups and groups[-1][0] > mean:
            before, several = groups.pop()
            mean, size = (before * several + mean * size) / (several + size), several + size
        groups.append((mean, size))
    moved = [mean for mean, size in groups for _ in range(size)]
    return [mean + index * gap for index, mean in enumerate(moved)]
