"""The scatter of eDISH as Vega-Lite: everybody's peak of ALT or AST against that of total bilirubin.

It holds nothing by which anybody is known: what is selected in it is asked for by its bounds.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from service.charts.palette import Paint
from service.charts.sheet import Spec
from service.charts.spec import SCHEMA, config

HEIGHT: Final = 380
"""Of the plot, in pixels."""
LOOKS: Final[Mapping[str, tuple[str, str]]] = {
    "hepatocellular": ("alt", "circle"),
    "mixed": ("ggt", "diamond"),
    "cholestatic": ("alp", "triangle-up"),
    "not known": ("quiet", "cross"),
}
"""Colour and shape by pattern: never by colour alone."""
_LEAST: Final = 0.1
"""Where a logarithmic axis begins, unless a value lies below."""
_ROOM: Final = 1.25
"""Beyond what is highest, so that no mark lies on the edge."""


class Dot(NamedTuple):
    """One person, or several in one cell of a grid."""

    enzyme: float
    """The peak of ALT and AST, as a multiple."""
    bilirubin: float
    """That of total bilirubin."""
    pattern: str
    """A name in LOOKS; empty where it stands for several."""
    people: int


class Lines(NamedTuple):
    """Where the quadrants meet, as multiples."""

    enzyme: float
    bilirubin: float


def scatter_spec(
    dots: Sequence[Dot], lines: Lines, of_what: str, paint: Paint, *, log: bool, description: str
) -> Spec:
    """The spec, valid against Vega-Lite's schema; as wide as whoever draws it makes it.

    Args:
        dots: what is drawn, at least one.
        lines: of the quadrants.
        of_what: the values are multiples of, in words: `limit of normal`.
        paint: gives the colours of the medium.
        log: whether the axes are logarithmic.
        description: what it shows in words, for who cannot see it.
    """
    grouped = any(not dot.pattern for dot in dots)
    x = _axis("enzyme", f"Peak ALT or AST, × {of_what}", [dot.enzyme for dot in dots], lines.enzyme, log)
    y = _axis(
        "bilirubin",
        f"Peak total bilirubin, × {of_what}",
        [dot.bilirubin for dot in dots],
        lines.bilirubin,
        log,
    )
    return {
        "$schema": SCHEMA,
        "description": description,
        "height": HEIGHT,
        "datasets": {"people": [dot._asdict() for dot in dots]},
        "layer": [
            _marks(x, y, grouped=grouped, paint=paint),
            *_lines(x, y, lines, paint),
        ],
        "config": config(paint),
    }


def _axis(field: str, title: str, values: Sequence[float], line: float, log: bool) -> Spec:
    highest = max(*values, line) * _ROOM
    lowest = min(_LEAST, *values) if log else 0
    scale: Spec = {"type": "log" if log else "linear", "domain": [lowest, highest], "nice": False}
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": scale,
        "axis": {"grid": False, "format": "~g", **({"values": _ticks(lowest, highest)} if log else {})},
    }


def _ticks(lowest: float, highest: float) -> list[float]:
    every = (base * 10.0**power for power in range(-3, 6) for base in (1, 2, 5))
    return [float(f"{tick:g}") for tick in every if lowest <= tick <= highest]


def _marks(x: Spec, y: Spec, *, grouped: bool, paint: Paint) -> Spec:
    look: Spec = {"type": "point", "filled": True, "opacity": 0.75, "aria": False}
    encoding: Spec = {"x": x, "y": y}
    if grouped:
        look["color"] = paint("ast")
        people: Spec = {"field": "people", "type": "quantitative", "title": "People"}
        encoding["size"] = {**people, "scale": {"range": [12, 420]}, "legend": {"orient": "bottom"}}
        encoding["tooltip"] = [people]
    else:
        look["size"] = 44
        encoding |= {"color": _pattern("color", paint), "shape": _pattern("shape", paint)}
        encoding["tooltip"] = [{**each, "format": ".3~g"} for each in (_told(x), _told(y))]
    return {
        "data": {"name": "people"},
        "params": [{"name": "brush", "select": {"type": "interval"}}],
        "mark": look,
        "encoding": encoding,
    }


def _told(axis: Spec) -> dict[str, Any]:
    return {name: axis[name] for name in ("field", "type", "title")}


def _pattern(channel: str, paint: Paint) -> Spec:
    looks = [paint(colour) if channel == "color" else shape for colour, shape in LOOKS.values()]
    return {
        "field": "pattern",
        "type": "nominal",
        "title": "Pattern by nR",
        "scale": {"domain": list(LOOKS), "range": looks},
        "legend": {"orient": "bottom", "direction": "horizontal", "columns": 2},
    }


def _lines(x: Spec, y: Spec, lines: Lines, paint: Paint) -> Iterator[Spec]:
    rule = {"type": "rule", "aria": False, "color": paint("rule"), "strokeDash": [6, 4], "strokeWidth": 1.2}
    for channel, axis, value in (("x", x, lines.enzyme), ("y", y, lines.bilirubin)):
        yield {
            "data": {"values": [{axis["field"]: value}]},
            "mark": rule,
            "encoding": {channel: axis},
        }
