"""The chart of a patient's page: what its script is given, who gets it, and what the page needs for it."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from service import dashboard
from service.charts.palette import COLOURS
from tests.dashboard.contrast import contrast
from tests.dashboard.front_desk import FrontDesk
from tests.dashboard.reading_pages import Page
from tests.dashboard.test_break_glass import given
from tests.dashboard.ward import ADAMS, AUDITOR, STRANGER, Ward
from tests.liver_files import persistent, person, result

STATIC = Path(dashboard.__file__).parent / "static"


def address(ward: Ward, fhir_id: str = "p1") -> str:
    return f"/patients/{ward.public_id(fhir_id)}/chart.json"


def chart(ward: Ward, scale: str = "multiples") -> Any:
    with ward.client() as client:
        answer = client.get(address(ward), params={"scale": scale})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def standings(spec: Any) -> dict[str, str]:
    rows = [row for rows in spec["datasets"].values() for row in rows if "standing" in row]
    return {row["day"]: row["standing"] for row in rows}


@pytest.fixture
def one(ward: Ward) -> Ward:
    ward.feed([person("p1"), *persistent("p1")])
    return ward


def test_every_result_is_in_it_and_corrected_and_excluded_ones_are_told_as_such(one: Ward) -> None:
    later_version = {"versionId": "2", "lastUpdated": "2024-09-05T10:00:00Z"}
    one.feed(
        [
            result("p1-2024-01-10", "p1", "2024-01-10", 91, meta=later_version),
            result("p1-2024-06-11", "p1", "2024-06-11", 91, meta=later_version, status="corrected"),
            result("p1-2024-03-12", "p1", "2024-03-12", 80, meta=later_version, status="entered-in-error"),
            result("early", "p1", "2024-09-04", 77, status="preliminary"),
        ]
    )
    assert standings(chart(one)) == {
        "2024-01-10": "corrected",  # by another value, though its laboratory does not call it so
        "2024-03-12": "retracted",
        "2024-06-11": "corrected",
        "2024-09-03": "counted",
        "2024-09-04": "preliminary",
    }


def test_a_result_that_was_preliminary_before_is_not_called_corrected(one: Ward) -> None:
    final = {"versionId": "2", "lastUpdated": "2024-09-06T10:00:00Z"}
    one.feed([result("new", "p1", "2024-09-05", 77, status="preliminary")])
    one.feed([result("new", "p1", "2024-09-05", 79, meta=final)])
    assert standings(chart(one))["2024-09-05"] == "counted"
    with one.client() as client:
        shown = Page(client.get(f"/patients/{one.public_id('p1')}").text)
    cells = [text for _, each, text in shown.every("span") if "cell" in str(each.get("class")).split()]
    assert "1.98 × 79 U/L" in cells


def test_the_page_says_corrected_of_what_the_chart_calls_so(one: Ward) -> None:
    one.feed([result("came-corrected", "p1", "2024-09-05", 81, status="corrected")])
    assert standings(chart(one))["2024-09-05"] == "corrected"
    with one.client() as client:
        shown = Page(client.get(f"/patients/{one.public_id('p1')}").text)
    assert "2.03 × 81 U/L corrected" in shown.texts("span")


def test_it_is_told_in_multiples_and_in_the_units_of_a_region(one: Ward) -> None:
    titles = {scale: chart(one, scale)["title"] for scale in ("multiples", "us", "si")}
    assert titles == {
        "multiples": "Liver tests as multiples of the limit of normal, log scale",
        "us": "Liver tests in US units, log scale",
        "si": "Liver tests in SI units, log scale",
    }
    with one.client() as client:
        assert client.get(address(one), params={"scale": "furlongs"}).status_code in (400, 422)


def test_who_cannot_see_it_is_told_what_it_shows_and_which_table_says_the_same(one: Ward) -> None:
    said = chart(one)["description"]
    assert "4 results from 2024-01-10 to 2024-09-03." in said
    assert "Latest: ALT 2.0 × (high)." in said
    assert said.endswith("The table Results holds the same results.")
    with one.client() as client:
        shown = Page(client.get(f"/patients/{one.public_id('p1')}").text)
    (figure,) = shown.every("figure")
    assert figure[1]["data-chart"] == address(one)
    assert "The same results stand in the table Results." in figure[2]  # until a script has drawn it
    assert shown.texts("h2").count("Results") == 1
    hidden = [each for _, each, _ in shown.every("fieldset") if "scales" in str(each.get("class"))]
    assert ["hidden" in each for each in hidden] == [True]  # they choose nothing without a script


def test_each_look_at_it_is_in_the_audit_also_one_in_vain(one: Ward) -> None:
    chart(one)
    with one.client(AUDITOR) as client:
        assert client.get(address(one)).status_code == 200
    with one.client(STRANGER) as client:
        assert client.get(address(one)).status_code == 403
        assert client.get(f"/patients/{uuid4()}/chart.json").status_code == 404
    looks = one.audited("read-chart")
    assert [(actor, patient is not None, detail["found"]) for actor, patient, detail in looks] == [
        (ADAMS.id, True, True),
        (AUDITOR.id, True, True),
        (STRANGER.id, True, False),
        (STRANGER.id, False, False),
    ]
    assert all(set(detail) == {"found", "request", "glass"} for *_, detail in looks)


def test_a_record_that_was_opened_for_a_reason_shows_its_chart_too(desk: FrontDesk, tmp_path: Path) -> None:
    ward = Ward(desk.engine, tmp_path)
    ward.feed([person("p1"), *persistent("p1")])
    desk.account(sees=("annex",))
    browser = desk.at()
    assert browser.get(address(ward)).headers["location"].endswith("/break-glass")
    assert given(browser, str(ward.public_id("p1"))) == 303
    assert browser.get(address(ward)).status_code == 200
    assert [detail["glass"] for *_, detail in ward.audited("read-chart")] == [False, True]


def test_a_patient_without_results_has_no_chart(ward: Ward) -> None:
    ward.feed([person("p1")])
    with ward.client() as client:
        assert Page(client.get(f"/patients/{ward.public_id('p1')}").text).every("figure") == []
        assert client.get(address(ward)).status_code == 404


BEHIND = {"edge", "grid", "band", "shade"}
"""What lies behind or around, and says nothing alone."""
BARS = {"episode", "persistent", "drug", "diagnosis"}
"""What lies on nothing but the page."""


def test_words_and_lines_stand_out_on_white_and_on_a_dark_screen() -> None:
    style = (STATIC / "chart.css").read_text(encoding="utf-8")
    dark = dict(re.findall(r"--chart-([a-z-]+): (#[0-9a-f]{6})", style))
    assert dark.keys() == COLOURS.keys()
    (paper,) = set(re.findall(r"--paper: (#(?!ffffff)\w+)", (STATIC / "liverwatch.css").read_text()))
    for colours, page in ((COLOURS, "#ffffff"), (dark, paper)):
        for name in COLOURS.keys() - BEHIND:
            assert contrast(colours[name], page) >= (3 if name in BARS else 4.5), name
        for name in COLOURS.keys() - BEHIND - BARS:
            for behind in ("band", "shade"):
                assert contrast(colours[name], colours[behind]) >= 3, (name, behind)


def test_what_the_page_loads_is_ours_and_each_part_of_others_has_its_licence(one: Ward) -> None:
    with one.client() as client:
        shown = Page(client.get(f"/patients/{one.public_id('p1')}").text)
        loaded = [str(each["src"]) for _, each, _ in shown.every("script")]
        loaded += [str(each["href"]) for _, each, _ in shown.every("link")]
        for each in loaded:
            assert each.startswith("/static/")
            assert client.get(each).status_code == 200, each
            if each.endswith(".min.js"):
                assert client.get(each.replace(".min.js", ".LICENSE.txt")).status_code == 200, each
    assert {"/static/chart.js", "/static/favicon.svg", "/static/vega-6.4.0.min.js"} <= set(loaded)
