"""The rule pages: for anybody, complete, and readable with any browser or none."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from service import dashboard
from service.api import install_error_answers
from service.clinical.catalogues.rules import rules
from service.clinical.rulebook import load_rulebook, parse_rulebook
from service.fhir.names import FINDINGS
from service.ingest import Rules
from service.settings import Settings
from tests.dashboard.contrast import contrast
from tests.dashboard.reading_pages import Page

ADDRESSES = ["/rules", *(f"/rules/{code}" for code in rules())]
SITE = """
version = "2026.1-clinic"
parent = "2026.1"
released = "2026-12-01"
urgent.jaundice.bilirubin = { value = 4, citation = "site", tag = "V" }

[citations]
site = "Committee <b>minutes</b> & notes of the clinic."
"""


def app(text: str | None = None) -> FastAPI:
    """The pages alone: there is no database, and nobody has to say who they are."""
    app = FastAPI(openapi_url=None, redirect_slashes=False, routes=dashboard.routes())
    app.state.rules = Rules(load_rulebook() if text is None else parse_rulebook(text))
    app.state.settings = Settings(publisher="Clinic of Example")
    install_error_answers(app)
    return app


@pytest.fixture
def client() -> TestClient:
    return TestClient(app(), raise_server_exceptions=False)


@pytest.fixture
def clinic() -> TestClient:
    return TestClient(app(SITE), raise_server_exceptions=False)


def page(client: TestClient, address: str) -> Page:
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)


# ----------------------------------------------------------------------------------------- who may read


def test_nobody_needs_a_credential_for_what_holds_no_patients_data(client: TestClient) -> None:
    assert "authorization" not in client.headers
    for address in ADDRESSES:
        assert client.get(address).status_code == 200


def test_the_link_in_every_finding_leads_to_a_page(client: TestClient) -> None:
    for code, title in FINDINGS.items():
        assert page(client, f"/rules/{code}").texts("h1") == [title]


def test_a_rule_that_there_is_not_is_not_found_and_not_repeated(client: TestClient) -> None:
    answer = client.get("/rules/JaneDoe")
    assert answer.status_code == 404
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert "JaneDoe" not in answer.text
    assert client.get("/rules/").status_code == 404
    assert client.get("/static/nothing.css").status_code == 404
    assert client.get("/static/../rule_pages.py").status_code == 404


def test_a_page_can_be_asked_after_and_not_written(client: TestClient) -> None:
    asked = client.head("/rules/jaundice")
    assert (asked.status_code, asked.content) == (200, b"")
    refused = client.post("/rules/jaundice")
    assert (refused.status_code, refused.json()["resourceType"]) == (405, "OperationOutcome")


# ------------------------------------------------------------------------------------------ what it says


def test_the_index_leads_to_every_rule(client: TestClient) -> None:
    links = {each["href"] for _, each, _ in page(client, "/rules").every("a")}
    assert {f"/rules/{code}" for code in rules()} <= links


def test_every_number_of_the_rulebook_stands_on_some_page(client: TestClient) -> None:
    seen = {text for address in ADDRESSES for text in page(client, address).texts("code")}
    assert set(load_rulebook().entries) <= seen


@pytest.mark.parametrize("code", rules())
def test_a_rule_says_everything_there_is_to_say_of_it(client: TestClient, code: str) -> None:
    rule, book, shown = rules()[code], load_rulebook(), page(client, f"/rules/{code}")
    whole = " ".join(shown.texts("main"))
    told = (rule.words, *rule.inputs, *rule.users, *rule.population, *rule.limits, *rule.gaps)
    for text in (*told, *rule.citations_in(book).values(), book.digest, book.version):
        assert text in whole
    rows = {cells[0]: cells[1:] for cells in _rows(shown)}
    for path, entry in rule.entries_in(book).items():
        (row,) = [cells for head, cells in rows.items() if head.split()[-1] == path]
        assert row[1].startswith(f"{entry.citation} {entry.tag}: ")
        assert ("to be confirmed by the site" in row[1]) == (entry.tag == "K")


def _rows(shown: Page) -> list[list[str]]:
    """The rows of its first table, as texts of cells."""
    rows: list[list[str]] = []
    tables = 0
    for tag, _, text in shown.every("table", "tr", "th", "td"):
        if tag == "table":
            tables += 1
        elif tables > 1:
            break
        elif tag == "tr":
            rows.append([])
        else:
            rows[-1].append(text)
    return rows[1:]


def test_the_thirteen_source_attributes_are_told_in_order(client: TestClient) -> None:
    heads = [text for _, each, text in page(client, "/rules/hys-law").every("th") if each["scope"] == "row"]
    assert [text for text in heads if re.match(r"\d+\. ", text)] == [
        "1. Bibliographic citation",
        "2. Developer",
        "3. Funding source of the technical implementation",
        "4. Release and revision dates",
        "5. Use of race",
        "6. Use of ethnicity",
        "7. Use of language",
        "8. Use of sexual orientation",
        "9. Use of gender identity",
        "10. Use of sex",
        "11. Use of date of birth",
        "12. Use of social determinants of health data",
        "13. Use of health status assessments data",
    ]


def test_a_site_is_compared_with_its_parent_where_it_differs(clinic: TestClient, client: TestClient) -> None:
    different = "What this site does differently"
    assert different not in page(client, "/rules").texts("h2")
    for address in ("/rules", "/rules/jaundice"):
        shown = page(clinic, address)
        assert different in shown.texts("h2")
        (row,) = [text for text in shown.texts("tr") if "niaaa-2016" in text and "site" in text.split()]
        assert re.search(r"3\s*niaaa-2016.*4\s*site", row)
    assert "Nothing in this rule" in " ".join(page(clinic, "/rules/hys-law").texts("main"))
    assert "2026-12-01" in " ".join(page(clinic, "/rules/hys-law").texts("main"))
    assert "2026.1-clinic" in page(clinic, "/rules").texts("header")[0]


def test_a_site_that_changes_nothing_is_told_so() -> None:
    text = 'version = "clinic-0"\nparent = "2026.1"'
    with TestClient(app(text)) as unchanged:
        assert "every number is that of 2026.1" in " ".join(page(unchanged, "/rules").texts("main"))


def test_after_another_was_put_in_force_it_is_compared_with_the_one_before() -> None:
    in_force, before = parse_rulebook(parse_rulebook(SITE).text), load_rulebook()
    assert in_force.parent is None, "what two people put in force is read from its whole text"
    given = app()
    given.state.rules = Rules(in_force, before=before)
    with TestClient(given) as activated:
        for address in ("/rules", "/rules/jaundice"):
            shown = page(activated, address)
            assert "What has changed since the rulebook before" in shown.texts("h2")
            assert "What 2026.1-clinic has otherwise than 2026.1" in shown.texts("caption")
            (row,) = [text for text in shown.texts("tr") if "niaaa-2016" in text and "site" in text.split()]
            assert re.search(r"3\s*niaaa-2016.*4\s*site", row)
        assert "Nothing in this rule" in " ".join(page(activated, "/rules/hys-law").texts("main"))


def test_what_a_site_writes_is_text_and_never_markup(clinic: TestClient) -> None:
    shown = page(clinic, "/rules/jaundice")
    assert shown.texts("b") == []
    assert "Committee <b>minutes</b> & notes of the clinic." in shown.texts("dd")


# --------------------------------------------------------------------------------- how it can be read


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_has_language_landmarks_and_headings_in_order(client: TestClient, address: str) -> None:
    shown = page(client, address)
    assert shown.every("html")[0][1]["lang"] == "en"
    assert [tag for tag, _, _ in shown.every("header", "main", "footer")] == ["header", "main", "footer"]
    assert shown.texts("title")[0].endswith(" – Liverwatch")
    levels = [int(tag[1]) for tag, _, _ in shown.every("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    targets = {each["id"] for _, each, _ in shown.every("main", "h2") if "id" in each}
    inner = {str(each["href"])[1:] for _, each, _ in shown.every("a") if str(each["href"]).startswith("#")}
    assert inner <= targets


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_table_has_a_caption_and_headers_with_a_scope(client: TestClient, address: str) -> None:
    shown = page(client, address)
    assert len(shown.every("table")) == len(shown.every("caption")) > 0
    assert all(each["scope"] in ("col", "row") for _, each, _ in shown.every("th"))


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_script_and_no_style_is_needed_or_allowed_but_our_sheet(client: TestClient, address: str) -> None:
    answer = client.get(address)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self';")
    assert "unsafe" not in policy
    shown = Page(answer.text)
    assert shown.every("script", "style", "img", "iframe", "form") == []
    assert not any(
        name == "style" or name.startswith("on") for _, attributes, _ in shown.elements for name in attributes
    )
    loaded = {each["rel"]: client.get(str(each["href"])) for _, each, _ in shown.every("link")}
    assert {rel: (each.status_code, each.headers["content-type"]) for rel, each in loaded.items()} == {
        "icon": (200, "image/svg+xml"),
        "stylesheet": (200, "text/css; charset=utf-8"),
    }


PAIRS = [
    *[("ink", "paper"), ("quiet", "paper"), ("link", "paper"), ("ink", "shade"), ("warn", "warn-paper")],
    *[
        ("quiet", "shade"),
        ("link", "shade"),
        ("on-button", "button"),
        ("urgent", "paper"),
        ("urgent", "shade"),
    ],
    *[(tier, f"{tier}-paper") for tier in ("urgent", "soon", "routine")],
    *[("ink", "urgent-paper"), ("ink", "routine-paper"), ("link", "urgent-paper"), ("link", "routine-paper")],
]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), PAIRS)
def test_every_pair_of_colours_has_contrast(ink: str, paper: str, dark: bool) -> None:
    colours = _colours(dark=dark)
    assert contrast(colours[ink], colours[paper]) >= 4.5


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("mark", ["edge", "focus"])
def test_what_bounds_a_field_or_shows_the_focus_stands_out_from_the_page(mark: str, dark: bool) -> None:
    colours = _colours(dark=dark)
    assert contrast(colours[mark], colours["paper"]) >= 3


def _colours(*, dark: bool) -> dict[str, str]:
    sheet = (Path(dashboard.__file__).parent / "static" / "liverwatch.css").read_text(encoding="utf-8")
    light, by_night = (
        re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", each)
        for each in re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
    )
    assert {name for name, _ in light} == {name for name, _ in by_night}
    return dict(by_night if dark else light)


def test_a_release_date_that_nobody_states_is_not_made_up() -> None:
    book = replace(load_rulebook(), released=None)
    undated = app()
    undated.state.rules = Rules(book)
    with TestClient(undated) as client:
        assert f"Rulebook {book.version}: not stated" in " ".join(page(client, "/rules/jaundice").texts("td"))
