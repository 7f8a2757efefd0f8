"""The scatter of a population: valid Vega-Lite, room for every mark, told by shape as well as by colour."""

from typing import Any

import altair as alt
import pytest

from service.charts.palette import on_paper
from service.charts.scatter import LOOKS, Dot, Lines, scatter_spec

LINES = Lines(3, 2)


def spec_of(*dots: Dot, lines: Lines = LINES, log: bool = True) -> dict[str, Any]:
    spec = scatter_spec(dots, lines, "limit of normal", on_paper, log=log, description="what it shows")
    alt.LayerChart.from_dict(spec)  # raises unless it is valid Vega-Lite
    return spec


def domain(spec: dict[str, Any], axis: str) -> tuple[float, float]:
    low, high = spec["layer"][0]["encoding"][axis]["scale"]["domain"]
    return low, high


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("dot", [Dot(0.02, 50, "mixed", 1), Dot(400, 0.05, "", 7)])
def test_every_mark_and_both_lines_lie_within_the_axes(dot: Dot, log: bool) -> None:
    spec = spec_of(dot, log=log)
    for axis, values in (("x", (dot.enzyme, LINES.enzyme)), ("y", (dot.bilirubin, LINES.bilirubin))):
        low, high = domain(spec, axis)
        assert all(low <= value < high for value in values)


def test_a_line_that_was_moved_beyond_every_mark_is_still_seen() -> None:
    assert domain(spec_of(Dot(1, 1, "mixed", 1), lines=Lines(80, 2)), "x")[1] > 80


def test_each_pattern_has_a_shape_of_its_own_beside_its_colour() -> None:
    encoding = spec_of(*(Dot(1, 1, name, 1) for name in LOOKS))["layer"][0]["encoding"]
    assert encoding["shape"]["scale"]["domain"] == encoding["color"]["scale"]["domain"] == list(LOOKS)
    assert len(set(encoding["shape"]["scale"]["range"])) == len(LOOKS)


def test_the_size_of_a_cell_says_how_many_people_it_stands_for() -> None:
    encoding = spec_of(Dot(1, 1, "", 40), Dot(2, 1, "", 3))["layer"][0]["encoding"]
    assert encoding["size"]["field"] == "people"
    assert "shape" not in encoding
