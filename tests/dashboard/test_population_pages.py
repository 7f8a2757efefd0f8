"""The population in the browser: how high everybody's tests came, and who is behind a part of the picture."""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from service.dashboard import population_pages, population_views
from service.store import peaks
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import ADAMS, STRANGER, Ward
from tests.liver_files import called, in_mg_per_dl, person, persistent, result

PERIOD = "from=2024-01&to=2024-12"
DAY = "2024-06-01"


def with_tests(patient: str, alt: float, bilirubin: float, alp: float = 20) -> list[Any]:
    """Somebody of that name whose tests, all of one day, are these multiples of 40 U/L and 1 mg/dL."""
    return [
        person(patient, name=called(patient.title(), "Ann")),
        result(f"{patient}-alt", patient, DAY, alt * 40),
        result(f"{patient}-alp", patient, DAY, alp, "ALP"),
        result(f"{patient}-tb", patient, DAY, analyte="bilirubin", **in_mg_per_dl(bilirubin, 1)),
    ]


@pytest.fixture
def four(ward: Ward) -> Ward:
    """Somebody in each quadrant, the two lines met exactly, and one in another hospital."""
    ward.feed([*with_tests("hy", 4, 2), *with_tests("enzymes", 10, 1.5), *with_tests("neither", 3, 1.5)])
    ward.feed([*with_tests("bilirubin", 1.5, 4, alp=120), *with_tests("well", 0.5, 0.5)])
    ward.feed(with_tests("elsewhere", 8, 8), "annex")
    return ward


@pytest.fixture
def client(four: Ward) -> Iterator[TestClient]:
    with four.client() as client:
        yield client


def shown(client: TestClient, address: str, status: int = 200) -> Page:
    answer = client.get(address)
    assert answer.status_code == status, answer.text
    return Page(answer.text)


def picture(client: TestClient, query: str = "") -> Any:
    """What the script of the page draws."""
    figures = shown(client, f"/population?{PERIOD}{query}").every("figure")
    (spec,) = [each["data-scatter"] for _, each, _ in figures if "data-scatter" in each]
    return json.loads(str(spec))


def people(client: TestClient, query: str) -> list[str]:
    """The family names on the list, from top to bottom."""
    links = shown(client, f"/population/people?{PERIOD}&{query}").every("a")
    return [text.split(",")[0] for _, each, text in links if str(each.get("href")).startswith("/patients/")]


def test_the_table_of_quadrants_says_without_a_script_what_the_picture_shows(client: TestClient) -> None:
    page = shown(client, f"/population?{PERIOD}")
    found = [text for _, each, text in page.every("a") if "quadrant=" in str(each.get("href"))]
    assert [int(text.split()[0]) for text in found] == [1, 1, 1, 1]
    (note,) = [text for text in page.texts("p") if "are known" in text]
    assert note.startswith("5 people are known. 4 of them were tested")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("quadrant=Hy's law", ["Hy"]),
        ("quadrant=enzymes only", ["Enzymes"]),
        ("quadrant=bilirubin only", ["Bilirubin"]),
        ("quadrant=neither", ["Neither"]),
        ("quadrant=Hy's law&enzyme_line=4", []),
        ("quadrant=Hy's law&enzyme_line=2&bilirubin_line=1.5", ["Hy", "Enzymes", "Neither"]),
        ("enzyme_from=3&enzyme_to=4", ["Hy", "Neither"]),
        ("bilirubin_from=2", ["Bilirubin", "Hy"]),
        ("band=moderate", ["Enzymes"]),
        ("pattern=hepatocellular", ["Hy", "Enzymes", "Neither"]),
        ("pattern=cholestatic", ["Bilirubin"]),
        ("from=2024-07", []),
        ("measure=baseline&quadrant=neither", []),
    ],
)
def test_a_part_of_the_picture_leads_to_its_people(client: TestClient, query: str, found: list[str]) -> None:
    assert people(client, query) == found


def test_multiples_may_be_of_everybodys_own_baseline(ward: Ward) -> None:
    ward.feed([person("p1", name=called("Abel", "Ada"))])
    ward.feed([result("a", "p1", "2024-01-10", 100), result("b", "p1", "2024-06-10", 350)])
    with ward.client() as client:
        assert people(client, "measure=baseline&enzyme_from=3.4&enzyme_to=3.6") == ["Abel"]
        assert people(client, "measure=limit&enzyme_from=8.7&enzyme_to=8.8") == ["Abel"]


def test_what_persisted_is_counted_and_leads_to_its_people(ward: Ward) -> None:
    ward.feed([person("p1", name=called("Abel", "Ada")), *persistent("p1")])
    ward.feed(with_tests("once", 3, 1))
    with ward.client() as client:
        page = shown(client, f"/population?{PERIOD}")
        links = [each["href"] for _, each, _ in page.every("a") if "lasting=" in str(each.get("href"))]
        assert links == [f"/population/people?{_defaults()}&lasting=persistent"]
        assert people(client, "lasting=persistent") == ["Abel"]
        assert people(client, "lasting=chronic") == []


def _defaults() -> str:
    return f"{PERIOD}&measure=limit&axes=log&pattern=&enzyme_line=3&bilirubin_line=2"


def test_the_picture_holds_nothing_by_which_anybody_is_known(client: TestClient) -> None:
    drawn = picture(client)
    assert len(drawn["datasets"]["people"]) == 4
    assert not re.search(r"Ann|Hy|hy-alt|[0-9a-f]{8}-[0-9a-f]{4}|1970", json.dumps(drawn))
    assert client.get(f"/population?{PERIOD}").headers["cache-control"] == "no-store"


def test_where_nobody_could_be_drawn_there_is_no_picture(ward: Ward) -> None:
    ward.feed([person("p1"), result("a", "p1", "2024-06-10", 350)])
    with ward.client() as client:
        page = shown(client, f"/population?{PERIOD}")
    assert not [each for _, each, _ in page.every("figure") if "data-scatter" in each]
    assert "There is nobody that could be drawn." in page.texts("span")


def test_a_visit_reads_the_population_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    of_sources, read = peaks.of_sources, list[int]()

    def noted(connection: Connection, sources: Collection[int]) -> Iterator[peaks.Person]:
        read.append(len(sources))
        return of_sources(connection, sources)

    monkeypatch.setattr(peaks, "of_sources", noted)
    picture(client)
    assert len(read) == 1


def test_its_lines_are_those_of_the_rulebook_until_they_are_moved(client: TestClient) -> None:
    def lines(query: str) -> list[float]:
        layers = picture(client, query)["layer"][1:]
        return [next(iter(layer["data"]["values"][0].values())) for layer in layers]

    assert lines("") == [3, 2]
    assert lines("&enzyme_line=5&bilirubin_line=1.5") == [5, 1.5]


def test_too_many_people_are_drawn_as_cells_with_their_number(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(population_views, "MOST_POINTS", 3)
    monkeypatch.setattr(population_views, "CELLS", 2)
    for axes in ("log", "linear"):
        cells = picture(client, f"&axes={axes}")["datasets"]["people"]
        assert sum(cell["people"] for cell in cells) == 4
        assert 1 < len(cells) < 4


def test_nobody_of_a_source_that_one_does_not_see_is_counted_or_listed(four: Ward) -> None:
    with four.client(STRANGER) as client:
        assert people(client, "") == ["Elsewhere"]
        assert len(picture(client)["datasets"]["people"]) == 1
        assert "1 person is known" in client.get(f"/population?{PERIOD}").text


def test_who_saw_whom_is_in_the_audit(client: TestClient, four: Ward) -> None:
    client.get(f"/population?{PERIOD}")
    people(client, "quadrant=Hy's law")
    people(client, "enzyme_from=500")
    assert [(actor, detail["count"]) for actor, _, detail in four.audited("read-population")] == [
        (ADAMS.id, 4)
    ]
    (_, first, _), (_, nobody, _) = four.audited("read-population-people")
    assert first is not None
    assert nobody is None


def test_a_long_list_goes_on(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(population_pages, "PAGE", 3)
    page = shown(client, f"/population/people?{PERIOD}")
    (more,) = [each["href"] for _, each, _ in page.every("a") if each.get("rel") == "next"]
    rest = [text for _, _, text in shown(client, str(more)).every("a") if text.endswith(", Ann")]
    assert people(client, "") + [each.split(",")[0] for each in rest] == [
        "Bilirubin",
        "Hy",
        "Enzymes",
        "Neither",
    ]


@pytest.mark.parametrize(
    "query", ["from=June", "from=2024-05&to=2024-04", "enzyme_line=nan", "enzyme_from=-1", "axes=round",
              "band=huge", "quadrant=fifth", "page=0", "to=9999-12", "to=0001-01"],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/population/people?{query}").status_code in (400, 422)


def test_a_corrected_result_moves_its_patient(four: Ward, client: TestClient) -> None:
    later = {"versionId": "2", "lastUpdated": "2024-06-02T10:00:00Z"}
    four.feed([result("hy-alt", "hy", DAY, 44, meta=later, status="corrected")])
    assert people(client, "quadrant=Hy's law") == []
    assert people(client, "quadrant=bilirubin only") == ["Bilirubin", "Hy"]
