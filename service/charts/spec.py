"""A course as one Vega-Lite spec, the same for the screen and for paper.

Texts of the record stand in it as data only, never in an expression. It needs no network, and its dates are
days: read and written in UTC, whatever the viewer's zone.
"""

from typing import Final

from service.charts.course import Course, Point
from service.charts.lanes import lanes
from service.charts.palette import FONTS, Paint
from service.charts.panel import Panel, draw
from service.charts.sheet import Say, Sheet, Spec, window_of
from service.charts.units import UPPER, Scale, Told, told

TITLES: Final = {
    Scale.MULTIPLES: "Liver tests as multiples of the limit of normal, log scale",
    Scale.SI: "Liver tests in SI units, log scale",
    Scale.US: "Liver tests in US units, log scale",
}
SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
"""Names the version; nothing is fetched from there."""


def chart_spec(
    course: Course,
    scale: Scale,
    say: Say,
    paint: Paint,
    *,
    description: str,
    width: int = 560,
    height: int = 250,
) -> Spec:
    """The spec, valid against Vega-Lite's schema; the same course gives the same spec.

    Args:
        course: what is to be shown, with at least one result.
        scale: multiples of the limit, or absolute values in the units of a region.
        say: gives the fixed texts in the reader's language.
        paint: gives the colours of the medium.
        description: what it shows in words, for who cannot see it.
        width: of the plot, in pixels.
        height: of its first panel, in pixels; the others have a third of it.
    """
    sheet = Sheet(window_of(course), say, paint, width, {})
    panels: dict[str, list[tuple[Point, Told]]] = {}
    for point in course.points:
        if (shown := told(point, scale)) is not None:
            panels.setdefault(shown.panel, []).append((point, shown))
    order = sorted(panels, key=lambda name: (name != UPPER, -len(panels[name]), name))
    heights = dict.fromkeys(order, height // 3) | dict.fromkeys(order[:1], height)
    parts = [draw(Panel(name, panels[name], sheet, heights[name]), course) for name in order]
    below = lanes(course, sheet)
    return {
        "$schema": SCHEMA,
        "title": say(TITLES[scale]),
        "description": description,
        "vconcat": [*parts, *([] if below is None else [below])],
        "spacing": 6,
        "resolve": {"scale": dict.fromkeys(("color", "shape", "strokeDash"), "independent")},
        "datasets": sheet.datasets,
        "config": config(paint),
    }


def config(paint: Paint) -> Spec:
    """How every chart looks, in the colours of the medium."""
    words, lines = paint("ink"), paint("edge")
    return {
        "background": "transparent",
        "font": FONTS,
        "axis": {
            "titleFontSize": 10,
            "labelFontSize": 9,
            "labelLimit": 170,
            "titleColor": words,
            "labelColor": words,
            "domainColor": lines,
            "tickColor": lines,
        },
        "legend": {"titleColor": words, "labelColor": words},
        "title": {"fontSize": 12, "color": words},
        "view": {"stroke": lines},
    }
