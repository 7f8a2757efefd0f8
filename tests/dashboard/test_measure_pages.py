"""The pages of measures: from a figure to the people behind it, and never to those of another source."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Engine, select
from starlette.testclient import TestClient

from service.dashboard.access import Role, User
from service.quality.measures import MEASURES
from service.store.schema import audit
from service.store import names
from service.store.session import open_engine, reading, writing
from tests.dashboard.reading_pages import Page
from tests.dashboard.hostile_texts import CORPUS
from tests.dashboard.ward import Ward
from tests.quality.measured_clinic import MeasuredClinic, at_nine, happened

PERIOD = "from=2026-01-01&to=2026-06-30"
BOTH = User("u-audit", "Auditor", frozenset({Role.AUDITOR}), frozenset({"clinic", "annex"}))
OF_THE_ANNEX = User("u-annex", "Auditor", frozenset({Role.AUDITOR}), frozenset({"annex"}))


@pytest.fixture
def clinic(engine: Engine) -> MeasuredClinic:
    made = MeasuredClinic(engine)
    happened(made)
    return made


def rows(page: Page) -> dict[str, list[str]]:
    """The cells beside each row's head, of all tables."""
    found: dict[str, list[str]] = {}
    cells: list[str] = []
    for _, attributes, text in page.every("th", "td"):
        if attributes.get("scope") == "row":
            cells = found.setdefault(text, [])
        elif "scope" not in attributes:
            cells.append(text)
    return found


def get(client: TestClient, address: str) -> Page:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


@pytest.mark.usefixtures("clinic")
def test_every_measure_is_listed_with_its_figures(ward: Ward) -> None:
    listed = rows(get(ward.client(BOTH), f"/measures?{PERIOD}"))
    assert listed["Alerts overridden less is better"][:3] == ["2", "7", "28.6 %"]
    assert len(listed) == len(MEASURES)


def test_a_measure_says_what_is_counted_and_leads_to_the_people(clinic: MeasuredClinic, ward: Ward) -> None:
    client = ward.client(BOTH)
    page = get(client, f"/measures/overrides?{PERIOD}")
    words = page.texts("dd")
    assert "those that somebody overrode, whether or not it was undone later" in words
    assert "alerts merged into another: that one is counted, with what was decided on both" in words
    numerator = next(str(each["href"]) for _, each, text in page.every("a") if text == "2 All: who they are")
    people = get(client, numerator)
    (link,) = [each["href"] for _, each, _ in people.every("a") if "/patients/" in str(each["href"])]
    assert link == f"/patients/{clinic.public_id('p2')}"
    assert client.get(str(link)).status_code == 200


@pytest.mark.usefixtures("clinic")
def test_every_number_of_every_measure_leads_to_as_many_cases(ward: Ward) -> None:
    client = ward.client(BOTH)
    links = 0
    for address in (f"/measures/overrides?{PERIOD}", f"/measures/rechecks-in-time?{PERIOD}"):
        for _, each, text in get(client, address).every("a"):
            if "/people?" not in str(each["href"]):
                continue
            in_numerator = "yes" in parse_qs(urlsplit(str(each["href"])).query).get("met", ())
            (people,) = rows(get(client, str(each["href"]))).values()  # all of them without a name
            counted = people[2 if in_numerator else 1 :: 4]
            assert sum(map(int, counted)) == int(text.split()[0]), each["href"]
            links += 1
    assert links > 20


def test_who_saw_whom_is_in_the_audit(clinic: MeasuredClinic, ward: Ward) -> None:
    get(ward.client(BOTH), f"/measures/overrides/people?{PERIOD}&met=yes")
    seen = ward.audited("read-measure-people")
    assert [(actor, person, detail["measure"]) for actor, person, detail in seen] == [
        ("u-audit", clinic.people["p2"], "overrides")
    ]
    get(ward.client(BOTH), f"/measures?{PERIOD}")
    ((actor, person, detail),) = ward.audited("read-measures")
    assert (actor, person, detail["first"]) == ("u-audit", None, "2026-01-01")


def test_nobody_of_another_source_is_counted_listed_or_exported(clinic: MeasuredClinic, ward: Ward) -> None:
    client = ward.client(OF_THE_ANNEX)
    assert rows(get(client, f"/measures?{PERIOD}"))["Alerts overridden less is better"][:2] == ["0", "1"]
    everybody = get(client, f"/measures/overrides/people?{PERIOD}&dimension=source&stratum=clinic")
    assert [each for each in everybody.every("a") if "/patients/" in str(each[1]["href"])] == []
    assert ",source,clinic," not in client.get(f"/measures.csv?{PERIOD}").text
    with reading(clinic.engine) as connection:
        of = connection.execute(select(audit.c.patient_id).where(audit.c.patient_id.is_not(None)))
        assert of.all() == []


@pytest.mark.usefixtures("clinic")
def test_the_export_is_masked_and_no_cache_keeps_it(ward: Ward) -> None:
    answer = ward.client(BOTH).get(f"/measures.csv?{PERIOD}")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "attachment" in answer.headers["content-disposition"]
    assert "\r\noverrides,2026-01-01,2026-06-30,total,,True,,,,,,\r\n" in answer.text


def test_what_is_of_nobody_is_told_beside_the_people(clinic: MeasuredClinic, ward: Ward) -> None:
    clinic.received("Observation/n1", at_nine(2, 1), timedelta(minutes=1), fhir_id=None, held=True)
    client = ward.client(BOTH)
    told = [
        [words for words in get(client, f"/measures/{name}/people?{PERIOD}").texts("p") if "beside" in words]
        for name in ("feed-unusable", "overrides")
    ]
    assert told == [
        ["Counted beside these people: 1 of nobody that the record names, 1 of them in the numerator."],
        [],
    ]


def test_people_come_in_pages(clinic: MeasuredClinic, ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.dashboard.measure_pages.PAGE", 2)
    client = ward.client(BOTH)
    address: str | None = f"/measures/overrides/people?{PERIOD}"
    seen: list[str] = []
    while address is not None:
        links = [each for _, each, _ in get(client, address).every("a")]
        seen += [str(each["href"]) for each in links if "/patients/" in str(each["href"])]
        address = next((str(each["href"]) for each in links if each.get("rel") == "next"), None)
    assert seen == [f"/patients/{clinic.public_id(name)}" for name in ("p1", "p2", "p3", "p4", "p5")]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/measures/happiness", 404),
        ("/measures/happiness/people", 404),
        ("/measures?from=yesterday", 400),
        ("/measures?from=2026-02-01&to=2026-01-01", 400),
        ("/measures/overrides/people?after=-1", 400),
        ("/measures?to=9999-12-31", 400),
        ("/measures?to=0001-01-01", 400),
    ],
)
def test_what_there_is_not_is_told_on_a_page(ward: Ward, address: str, status: int) -> None:
    answer = ward.client(BOTH).get(address)
    assert answer.status_code == status
    assert Page(answer.text).texts("h1")


def test_an_empty_period_says_so(ward: Ward) -> None:
    page = get(ward.client(BOTH), "/measures/overrides?from=2020-01-01&to=2020-02-01")
    assert "Nothing to count" in page.texts("h2")


@pytest.mark.parametrize("text", [each[:64] for each in CORPUS])
def test_what_a_record_says_of_ethnicity_and_name_is_shown_as_text(
    sqlite_url: str, tmp_path: Path, text: str
) -> None:
    engine = open_engine(sqlite_url, durable=False)
    clinic = MeasuredClinic(engine)
    happened(clinic)
    clinic.person("p2", ethnicity=text, language=text)
    with writing(engine) as connection:
        names.state(connection, {clinic.people["p2"]: ([text], "")})
    client = Ward(engine, tmp_path).client(BOTH)
    page = get(client, f"/measures/overrides?{PERIOD}")
    links = [str(each["href"]) for _, each, _ in page.every("a")]
    behind = next(each for each in links if "dimension=ethnicity" in each and "not%20known" not in each)
    for shown in (page, get(client, behind)):
        tags = {tag for tag, _, _ in shown.elements}
        assert not tags & {"img", "iframe", "math", "style", "textarea"}
        assert [each for _, each, _ in shown.every("script") if "src" not in each] == []
        assert not any(name.startswith("on") for _, attributes, _ in shown.elements for name in attributes)
    assert "/patients/" in str(get(client, behind).every("a"))
    engine.dispose()
