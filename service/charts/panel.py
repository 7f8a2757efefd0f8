"""One panel of a chart: results that share an axis, with what lies behind them."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from math import log10
from typing import Any, Final, NamedTuple

from service.charts.clearing import Strip, clear_start, width_of
from service.charts.course import Course, Lane, Point, Standing
from service.charts.palette import HOLLOW, LOOKS, SHAPES
from service.charts.sheet import Sheet, Spec, of_names, text
from service.charts.units import LOWER, UPPER, Told
from service.clinical.analytes import Analyte

_LABEL_GAP: Final = 13
"""Pixels between the labels at the ends of lines."""
_WORDS_HEIGHT: Final = 12
"""Pixels of the words over a line."""


class Panel(NamedTuple):
    """What is drawn on one axis."""

    name: str
    points: Sequence[tuple[Point, Told]]
    sheet: Sheet
    height: int
    """Pixels."""

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

    def y(self, field: str = "value") -> Spec:
        """The vertical axis, logarithmic."""
        title, grid = self.sheet.say(self.name), self.sheet.paint("grid")
        axis = {"title": title, "gridColor": grid, "tickCount": 5, "format": "~g"}
        scale = {"type": "log", "domain": list(self.domain), "nice": False}
        return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}

    def colour(self) -> Spec:
        """Each analyte has its own; its name stands at the end of its line."""
        return of_names(
            "analyte", {each.value: self.sheet.paint(LOOKS[each].colour) for each in self.analytes}
        )


def draw(panel: Panel, course: Course) -> Spec:
    """The panel, from what lies behind to what lies in front."""
    return panel.sheet.layered([*_behind(panel, course), *_results(panel), _ends(panel)], panel.height)


def _behind(panel: Panel, course: Course) -> Iterator[Spec]:
    """Shading of episodes, the reference band, the rulebook's lines, the days of alerts and decisions."""
    (low, high), sheet = panel.domain, panel.sheet
    episodes = (span for span in course.spans if span.lane is Lane.EPISODE)
    shaded = [clip for span in episodes if (clip := sheet.window.clip(span.start, span.end))]
    if shaded:
        yield _rectangles(panel, [(*clip, low, high) for clip in dict.fromkeys(shaded)], "shade")
    if panel.name in (UPPER, LOWER):
        whole = tuple(each.isoformat() for each in sheet.window)
        normal = (low, 1.0) if panel.name == UPPER else (1.0, high)
        yield _rectangles(panel, [(*whole, *normal)], "band")
        yield from _lines(panel, course)
    days = [{"day": each.day.isoformat()} for each in course.events if sheet.window.holds(each.day)]
    if days:
        rule = _behind_mark("rule", color=sheet.paint("ink"), strokeDash=[2, 4], opacity=0.5)
        yield {"data": sheet.rows(days), "mark": rule, "encoding": {"x": sheet.days()}}


def _behind_mark(kind: str, **look: Any) -> Spec:
    """A mark that a table tells better: nothing for a screen reader to stop at."""
    return {"type": kind, "aria": False, **look}


def _rectangles(panel: Panel, corners: Sequence[tuple[Any, ...]], colour: str) -> Spec:
    rows = [dict(zip(("from", "to", "low", "high"), each, strict=True)) for each in corners]
    up = {"y": panel.y("low"), "y2": {"field": "high"}}
    mark = _behind_mark("rect", color=panel.sheet.paint(colour), opacity=0.7)
    return {"data": panel.sheet.rows(rows), "mark": mark, "encoding": panel.sheet.spans | up}


def _lines(panel: Panel, course: Course) -> Iterator[Spec]:
    """The limit of normal, and where the rulebook's bands of ALT and AST begin."""
    (low, high), sheet = panel.domain, panel.sheet
    lines = [(1.0, sheet.say("limit of normal"))]
    if panel.name == UPPER:
        bands = ((each, sheet.say(each.name)) for each in course.thresholds)
        lines += [(float(each.multiple), f"{each.multiple} ×: {name} (ALT, AST)") for each, name in bands]
    rows = sheet.rows(
        {"value": value, "day": _clear_day(panel, value, words), "text": words}
        for value, words in lines
        if low < value < high * 0.95
    )
    rule = _behind_mark("rule", color=sheet.paint("rule"), strokeDash=[5, 4], strokeWidth=0.8)
    yield {"data": rows, "mark": rule, "encoding": {"y": panel.y()}}
    word = _behind_mark(
        "text", align="left", baseline="bottom", dx=3, dy=-1, fontSize=9, color=sheet.paint("quiet")
    )
    yield {"data": rows, "mark": word, "encoding": {"x": sheet.days(), "y": panel.y(), "text": text("text")}}


def _clear_day(panel: Panel, value: float, words: str) -> str:
    """The day from which words stand over a horizontal line, and results do not run through them."""
    (low, high), window = panel.domain, panel.sheet.window
    days = (window.last - window.first).days
    lines: dict[Analyte, list[tuple[float, float]]] = {}
    for point, shown in panel.points:
        share = (point.day - window.first).days / days
        lines.setdefault(point.analyte, []).append((share, log10(shown.value)))
    foot, pixel = log10(value), (log10(high) - log10(low)) / panel.height
    strip = Strip(width_of(words) / panel.sheet.width, foot, foot + _WORDS_HEIGHT * pixel)
    return (window.first + timedelta(days=round(clear_start(strip, lines.values()) * days))).isoformat()


def _results(panel: Panel) -> Iterator[Spec]:
    """A line an analyte through what counts, its limit where that is no constant, and each result."""
    sheet, colour = panel.sheet, panel.colour()
    rows, place = sheet.rows(_rows(panel)), {"x": sheet.days(), "y": panel.y()}
    counted, hollow = ({"filter": each} for each in ("datum.counts", "!datum.counts"))
    dashes = of_names("analyte", {each.value: list(LOOKS[each].dash) for each in panel.analytes})
    lined = {"color": colour, "strokeDash": dashes}
    if panel.name not in (UPPER, LOWER):
        step = _behind_mark("line", strokeWidth=0.8, opacity=0.6, interpolate="step-after")
        known = [counted, {"filter": "isValid(datum.limit)"}]
        yield _layer(rows, known, step, place | {"y": panel.y("limit")} | lined)
    yield _layer(rows, [counted], _behind_mark("line", strokeWidth=1.6), place | lined)
    told = {"color": colour, "shape": _shape(panel), "tooltip": _tooltip(panel), "description": text("told")}
    standings = {point.standing in HOLLOW for point, _ in panel.points}
    for some, filled in ((counted, True), (hollow, False)):
        if (not filled) not in standings:
            continue  # a screen reader would stop at a group of nothing
        point = {"type": "point", "filled": filled, "size": 40, "strokeWidth": 1.6, "opacity": 1}
        yield _layer(rows, [some], point, place | told)
    remark = _behind_mark("text", dy=-9, fontSize=9, color=sheet.paint("ink"))
    yield _layer(rows, [{"filter": "datum.remark != ''"}], remark, place | {"text": text("remark")})


def _layer(rows: Spec, transform: list[Spec], mark: Spec, encoding: Spec) -> Spec:
    return {"data": rows, "transform": transform, "mark": mark, "encoding": encoding}


def _rows(panel: Panel) -> Iterator[dict[str, Any]]:
    for point, shown in panel.points:
        standing = panel.sheet.say(point.standing.value)
        says = f"{point.day}: {shown.words}"
        yield {
            "analyte": point.analyte.value,
            "day": point.day.isoformat(),
            "value": shown.value,
            "limit": shown.limit,
            "standing": standing,
            "counts": point.standing not in HOLLOW,
            "says": says,
            "told": f"{point.analyte.value}, {says}, {standing}",
            "remark": "" if point.standing is Standing.COUNTED else standing,
        }


def _shape(panel: Panel) -> Spec:
    say, used = panel.sheet.say, {point.standing for point, _ in panel.points}
    shapes = {say(each.value): shape for each, shape in SHAPES.items() if each in used}
    legend = {
        "title": say("Result"),
        "orient": "bottom",
        "direction": "horizontal",
        "symbolFillColor": panel.sheet.paint("ink"),
        "symbolStrokeColor": panel.sheet.paint("ink"),
    }
    return of_names("standing", shapes, legend=legend if len(shapes) > 1 else None)


def _tooltip(panel: Panel) -> list[Spec]:
    titles = {"analyte": "Test", "says": "Result", "standing": "Counts as"}
    return [text(field, title=panel.sheet.say(title)) for field, title in titles.items()]


def _ends(panel: Panel) -> Spec:
    """The name of each analyte where its line ends, moved apart where they would meet."""
    low, high = (log10(each) for each in panel.domain)
    last = {point.analyte: shown.value for point, shown in panel.points}
    inorder = sorted(last.items(), key=lambda each: (each[1], each[0]))
    places = apart([log10(value) for _, value in inorder], _LABEL_GAP * (high - low) / panel.height)
    rows = [
        {"analyte": analyte.value, "day": panel.sheet.window.last.isoformat(), "value": 10**place}
        for (analyte, _), place in zip(inorder, places, strict=True)
    ]
    name = _behind_mark("text", align="left", dx=5, fontWeight="bold", fontSize=10, clip=False)
    place_of = {"x": panel.sheet.days(), "y": panel.y()}
    encoding = {**place_of, "text": text("analyte"), "color": panel.colour()}
    return {"data": panel.sheet.rows(rows), "mark": name, "encoding": encoding}


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
