"""The pages of simulations: from a run to the people behind it, and never to those of another source."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, update
from starlette.testclient import TestClient

from service.clinical.rulebook import parse_rulebook
from service.dashboard.access import Role, User
from service.quality.simulating import keep, simulate
from service.store.schema import stored_text
from service.store.session import writing
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import AUDITOR, NOW, RULES, Ward
from tests.liver_files import called, person, persistent

GUIDELINE = parse_rulebook(
    """
version = "2026.1-clinic"
parent = "2026.1"
limits.policy = { value = "guideline", citation = "site", tag = "V" }
[citations]
site = "Clinic of Example, liver test committee."
"""
)
OF_THE_ANNEX = User("u-annex", "Auditor", frozenset({Role.AUDITOR}), frozenset({"annex"}))
OF_NOTHING = User("u-none", "Auditor", frozenset({Role.AUDITOR}), frozenset())


@pytest.fixture
def run(ward: Ward) -> UUID:
    """Three women who are elevated by the guideline's limit alone: two of the clinic, one of the annex."""
    for fhir_id, family, source in (
        ("p1", "Abel", "clinic"),
        ("p2", "Baker", "clinic"),
        ("p3", "Cole", "annex"),
    ):
        ward.feed([person(fhir_id, name=called(family, "A")), *persistent(fhir_id, value=38)], source)
    return simulated(ward.engine)


def simulated(engine: Engine) -> UUID:
    made = simulate(engine, RULES, GUIDELINE, NOW, by="cli:ada")
    with writing(engine) as connection:
        return keep(connection, made)


def get(client: TestClient, address: str) -> Page:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def link(page: Page, words: str) -> str:
    return next(str(each["href"]) for _, each, text in page.every("a") if text == words)


@pytest.mark.usefixtures("run")
def test_from_the_list_to_a_run_to_a_patient_without_typing_an_address(ward: Ward) -> None:
    client = ward.client(AUDITOR)
    listed = get(client, link(get(client, "/measures"), "Simulations"))
    one = get(client, link(listed, "2026.1-clinic"))
    assert one.texts("h1") == ["2026.1-clinic instead of 2026.1"]
    people = get(client, link(one, "3 gained: who they are"))
    assert people.texts("h1") == ["Gained: 3"]
    assert client.get(link(people, "Abel, A")).status_code == 200


def test_a_run_tells_what_the_rulebook_changes_and_what_becomes_of_alerts(ward: Ward, run: UUID) -> None:
    page = get(ward.client(AUDITOR), f"/simulations/{run}")
    captions = page.texts("caption")
    assert "What 2026.1-clinic has otherwise than 2026.1" in captions
    cells = [text for _, _, text in page.every("th", "td")]
    assert cells[cells.index("female") :][:5] == ["female", "3", "0", "0", "0"]
    assert cells[cells.index("annex") :][:5] == ["annex", "1", "0", "0", "0"]
    (chart,) = [each for _, each, _ in page.every("svg")]
    assert "0 in all by the rulebook in force, at most 0 in a week" in str(chart["aria-label"])


def test_nobody_of_another_source_is_counted_or_listed(ward: Ward, run: UUID) -> None:
    client = ward.client(OF_THE_ANNEX)
    page = get(client, f"/simulations/{run}")
    assert "clinic" not in [text for _, _, text in page.every("th")]
    people = get(client, link(page, "1 gained: who they are"))
    shown = [str(each["href"]) for _, each, _ in people.every("a") if "/patients/" in str(each["href"])]
    assert shown == [f"/patients/{ward.public_id('p3')}"]
    nothing = ward.client(OF_NOTHING)
    assert get(nothing, "/simulations").texts("h2") == ["None yet"]
    assert nothing.get(f"/simulations/{run}").status_code == 404
    assert nothing.get(f"/simulations/{run}/alerts").status_code == 404


def test_who_saw_whom_is_in_the_audit(ward: Ward, run: UUID) -> None:
    client = ward.client(OF_THE_ANNEX)
    get(client, f"/simulations/{run}")
    get(client, f"/simulations/{run}/alerts?outcome=gained")
    get(client, f"/simulations/{run}/alerts?outcome=lost")
    ((actor, nobody, detail),) = ward.audited("read-simulations")
    assert (actor, nobody, detail["simulation"]) == ("u-annex", None, str(run))
    (seen, empty) = ward.audited("read-simulation-people")
    assert (seen[1] is not None, seen[2]["count"], empty[1], empty[2]["count"]) == (True, 1, None, 0)


def test_people_come_in_pages(ward: Ward, run: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.dashboard.simulation_pages.PAGE", 2)
    client = ward.client(AUDITOR)
    first = get(client, f"/simulations/{run}/alerts")
    second = get(client, link(first, "The next alerts"))
    seen = [str(each["href"]) for page in (first, second) for _, each, _ in page.every("a")]
    expected = {f"/patients/{ward.public_id(each)}" for each in ("p1", "p2", "p3")}
    assert expected == {each for each in seen if each.startswith("/patients/")}
    assert "The next alerts" not in second.texts("a")


@pytest.mark.parametrize("query", ["outcome=unchanged", "outcome=happy", "after=-1", "after=x"])
def test_what_there_is_not_is_told_on_a_page(ward: Ward, run: UUID, query: str) -> None:
    client = ward.client(AUDITOR)
    answer = client.get(f"/simulations/{run}/alerts?{query}")
    assert answer.status_code == 400
    assert Page(answer.text).texts("h1")
    assert client.get(f"/simulations/{uuid4()}").status_code == 404


def test_a_run_is_shown_where_its_rulebook_cannot_be_read_any_more(ward: Ward, run: UUID) -> None:
    with writing(ward.engine) as connection:
        mine = stored_text.c.digest == GUIDELINE.digest
        connection.execute(update(stored_text).where(mine).values(text="version = 'of the future'"))
    client = ward.client(AUDITOR)
    assert GUIDELINE.digest[:12] in get(client, "/simulations").texts("a")
    page = get(client, f"/simulations/{run}")
    assert "This release cannot read one of the two any more." in page.texts("p")
