"""A patient's course as a chart: what is counted, corrected and excluded, on each scale, not by colour."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import altair as alt
import pytest

from service.charts.course import Course, Event, Mark, Revisions, Standing, course_of
from service.charts.palette import on_paper, on_screen
from service.charts.panel import apart
from service.charts.spec import chart_spec
from service.charts.units import Scale
from service.clinical.assess import assess
from service.clinical.results import Condition, Medication, PatientRecord, Sex
from tests.clinical.records import ALT, RULEBOOK, TBIL, day_of, result

HOSTILE = "<script>alert(1)</script>${x}'\""


def course(*results: Any, revisions: Revisions | None = None, drug: str = "Isoniazid") -> Course:
    """A man of forty with these results, a drug and a diagnosis."""
    record = PatientRecord(
        results,
        sex=Sex.MALE,
        birth_date=date(1980, 1, 1),
        medications=[Medication((), drug, day_of(10), None, current=True)],
        conditions=[Condition((), "Alcohol dependence", day_of(5), day_of(50), active=False)],
    )
    found = assess(record, RULEBOOK, datetime.combine(day_of(400), time(), UTC))
    return course_of(record, RULEBOOK, found.episodes, day_of(400), revisions=revisions or Revisions())


def spec_of(given: Course, scale: Scale = Scale.MULTIPLES) -> dict[str, Any]:
    spec = chart_spec(given, scale, lambda text: text, on_paper, description="what it shows")
    alt.VConcatChart.from_dict(spec)  # raises unless it is valid Vega-Lite
    return spec


def rows(spec: dict[str, Any], *fields: str) -> list[dict[str, Any]]:
    """Every row of the chart that has these fields, each once."""
    found = [row for some in spec["datasets"].values() for row in some if set(fields) <= row.keys()]
    return [row for index, row in enumerate(found) if row not in found[:index]]


PERSISTENT = [result(ALT, day, 99) for day in (0, 100, 200, 300)]


def test_a_result_stands_at_its_multiple_of_the_limit() -> None:
    (first, *_) = rows(spec_of(course(*PERSISTENT)), "analyte", "standing")
    assert (first["day"], first["value"], first["standing"]) == ("2020-01-01", 3.0, "counted")
    assert first["says"] == "2020-01-01: 99 U/L, 3 ×"


def test_the_same_course_is_told_in_si_and_us_units() -> None:
    given = course(result(TBIL, 0, Decimal("34.2")))
    si, us = (rows(spec_of(given, scale), "analyte", "standing")[0] for scale in (Scale.SI, Scale.US))
    assert (si["value"], si["says"]) == (34.2, "2020-01-01: 34.2 µmol/L, 1.67 ×")
    assert (us["value"], us["says"]) == (2.0, "2020-01-01: 2 mg/dL, 1.67 ×")


def test_the_reference_band_and_the_rulebooks_bands_are_behind_multiples_only() -> None:
    given = course(*[result(ALT, day, 600) for day in (0, 100)])
    lines = [row["text"] for row in rows(spec_of(given), "text", "value")]
    assert lines == [
        "limit of normal",
        "2 ×: mild (ALT, AST)",
        "5 ×: moderate (ALT, AST)",
        "15 ×: severe (ALT, AST)",
    ]
    assert rows(spec_of(given, Scale.SI), "text", "value") == []


def test_the_words_of_a_line_stand_where_no_results_run_through_them() -> None:
    level = [result(ALT, day, value) for day, value in ((0, 66), (100, 66), (200, 600), (300, 600))]
    days = {row["text"]: row["day"] for row in rows(spec_of(course(*level)), "text", "value")}
    assert days["5 ×: moderate (ALT, AST)"] == days["limit of normal"] < "2020-01-01"
    assert days["2 ×: mild (ALT, AST)"] > "2020-04-10"


def test_episodes_runs_drugs_and_diagnoses_lie_in_lanes_named_in_words() -> None:
    spans = {row["name"]: (row["from"], row["to"]) for row in rows(spec_of(course(*PERSISTENT)), "lane")}
    assert spans["Persistent: ALT"] == ("2020-01-01", "2020-10-27")
    assert spans["Episode: transaminase"] == ("2020-01-01", "2020-10-27")
    assert spans["Diagnosis: Alcohol dependence"] == ("2020-01-06", "2020-02-20")
    assert spans["Drug: Isoniazid"][0] == "2020-01-11"


def test_what_happened_on_one_day_stands_there_once_in_a_word_where_there_is_room() -> None:
    given = course(*PERSISTENT)
    days = ((0, "take"), (0, "snooze"), (200, "escalate"), (201, "refer"))
    happened = replace(given, events=tuple(Event(Mark.DECISION, day_of(day), what) for day, what in days))
    spec = spec_of(happened)
    told = {row["says"]: row["word"] for row in rows(spec, "mark", "word")}
    assert told == {
        "2020-01-01: take, snooze": "take, snooze",
        "2020-07-19: escalate": "",
        "2020-07-20: refer": "refer",
    }


def test_what_can_be_pointed_at_says_it_to_a_screen_reader_too_and_nothing_else_does() -> None:
    for panel in spec_of(course(*PERSISTENT))["vconcat"]:
        for layer in panel["layer"]:
            speaks = layer["encoding"].get("description", {}).get("field") == "told"
            assert ("tooltip" in layer["encoding"]) == speaks == layer["mark"].get("aria", True)


def test_a_page_may_replace_each_colour_of_the_chart_and_paper_may_not() -> None:
    given = course(*PERSISTENT)
    screen = json.dumps(chart_spec(given, Scale.MULTIPLES, str, on_screen, description=""))
    assert re.sub(r"var\(--chart-[a-z-]+, (#[0-9a-f]{6})\)", r"\1", screen) == json.dumps(
        chart_spec(given, Scale.MULTIPLES, str, on_paper, description="")
    )
    alt.VConcatChart.from_dict(json.loads(screen))


def test_corrected_retracted_preliminary_and_censored_results_have_a_shape_and_a_word_each() -> None:
    corrected, gone = result(ALT, 100, 80), result(ALT, 150, 900)
    early, censored = result(ALT, 200, 90, preliminary=True), result(ALT, 250, 99, comparator=">")
    given = course(
        *(result(ALT, 0, 99), corrected, early, censored),
        revisions=Revisions(corrected={corrected.key}, retracted=[gone]),
    )
    spec = spec_of(given)
    told = {row["day"]: (row["standing"], row["counts"]) for row in rows(spec, "analyte", "standing")}
    assert list(told.values()) == [
        ("counted", True),
        ("corrected", True),
        ("retracted", False),
        ("preliminary", False),
        ("censored", True),
    ]
    assert {row["remark"] for row in rows(spec, "remark")} == {
        *("", "corrected", "retracted", "preliminary", "censored"),
    }
    shapes = [
        layer["encoding"]["shape"] for layer in spec["vconcat"][0]["layer"] if "shape" in layer["encoding"]
    ]
    assert len(set(shapes[0]["scale"]["range"])) == 5
    assert shapes[0]["legend"]["title"] == "Result"


def test_a_result_that_tells_nothing_is_shown_as_not_used() -> None:
    given = course(result(ALT, 0, 99), result(ALT, 10, 60, comparator="<"))
    assert [point.standing for point in given.points] == [Standing.COUNTED, Standing.NOT_USED]


def test_lines_differ_without_colour_and_are_named_at_their_ends() -> None:
    given = course(result(ALT, 0, 99), result(TBIL, 0, 90), result(ALT, 90, 99), result(TBIL, 90, 90))
    first = spec_of(given)["vconcat"][0]["layer"]
    dashes = next(layer["encoding"]["strokeDash"] for layer in first if "strokeDash" in layer["encoding"])
    assert len({tuple(each) for each in dashes["scale"]["range"]}) == 2
    named = [layer for layer in first if layer["encoding"].get("text", {}).get("field") == "analyte"]
    assert len(named) == 1


def test_names_that_would_meet_are_moved_apart_and_others_stay() -> None:
    assert apart([1.0, 5.0], 1) == [1.0, 5.0]
    assert apart([1.0, 1.0, 1.0], 1) == [0.0, 1.0, 2.0]
    assert apart([], 1) == []


def values_of(node: Any, *names: str) -> list[Any]:
    """Everything that stands under one of these names, however deep."""
    if isinstance(node, list):
        return [found for each in node for found in values_of(each, *names)]
    if not isinstance(node, dict):
        return []
    deeper = [found for each in node.values() for found in values_of(each, *names)]
    return [node[name] for name in names if name in node] + deeper


def test_the_words_of_a_record_are_data_and_never_part_of_an_expression() -> None:
    spec = spec_of(course(*PERSISTENT, drug=HOSTILE))
    assert "alert(1)" in json.dumps(spec["datasets"])
    expressions = values_of(spec, "expr", "signal", "filter", "calculate", "test", "labelExpr")
    assert "datum.counts" in expressions
    assert "alert(1)" not in json.dumps(expressions)
    assert values_of(spec, "href", "url") == []


def test_a_chart_says_what_it_is_and_is_the_same_each_time() -> None:
    spec = spec_of(course(*PERSISTENT))
    assert spec["title"] == "Liver tests as multiples of the limit of normal, log scale"
    assert spec["description"] == "what it shows"
    assert spec == spec_of(course(*[one._replace() for one in PERSISTENT]))


def test_days_are_drawn_as_days_in_every_zone() -> None:
    for panel in spec_of(course(*PERSISTENT))["vconcat"]:
        for layer in panel["layer"]:
            if "x" in layer["encoding"]:
                assert layer["encoding"]["x"]["scale"]["type"] == "utc"


def test_the_chart_is_drawn_on_paper_without_a_network() -> None:
    converter = pytest.importorskip("vl_convert")
    svg = converter.vegalite_to_svg(spec_of(course(*PERSISTENT)), vl_version="6.4", allowed_base_urls=[])
    assert svg.startswith("<svg")
    assert "Persistent: ALT" in svg
