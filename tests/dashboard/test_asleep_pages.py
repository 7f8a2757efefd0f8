"""What is off the worklist, in the browser: what somebody put off, and who was not tested again."""

from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from service.dashboard import asleep_pages
from service.dashboard.access import User
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import ADAMS, BELL, STRANGER, Ward, form, later
from tests.liver_files import called, persistent, person, result

ALERT_OF = {"Abel": "p1", "Baker": "s", "Dunn": "p4"}
"""How the ids of each one's results begin."""


@pytest.fixture
def four(ward: Ward) -> Ward:
    """Three patients with alerts, the second urgent, and one in another hospital."""
    ward.feed_three()
    ward.feed([person("p4", name=called("Dunn", "Di")), *persistent("p4", 90)])
    return ward


def decide(ward: Ward, user: User, name: str, action: str, **more: str) -> None:
    begins = ALERT_OF[name]
    (of,) = [
        each
        for each in ward.alerts()
        if any(
            key.observation_id.removeprefix("Observation/").startswith(begins)
            for key in each.episode.evidence
        )
    ]
    with ward.client(user) as client:
        assert client.post(f"/alerts/{of.id}/decide", data=form(of, action, **more)).status_code == 303


def rows(client: TestClient, address: str) -> list[str]:
    """The text of each row of the list, from top to bottom."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return [text for text in Page(answer.text).texts("tr") if "born" in text]


@pytest.fixture
def decided(four: Ward) -> Ward:
    """Each of the three put off in another way."""
    decide(four, BELL, "Abel", "snooze", until=later(10), note="Away until the spring")
    decide(four, ADAMS, "Baker", "override", reason="already-managed", note="by the ward")
    decide(four, ADAMS, "Dunn", "known-cause", until=later(90), note="fatty liver")
    return four


def test_everything_that_was_put_off_says_what_by_whom_since_and_until_when_and_why(decided: Ward) -> None:
    today = datetime.now(UTC).date().isoformat()
    with decided.client() as client:
        abel, dunn, baker = rows(client, "/asleep")
    for words in ("Abel, Ada", "clinic", "Routine", "Persistent elevation: ALT", "Snoozed", "Nurse Bell"):
        assert words in abel
    assert today in abel
    assert later(10) in abel
    assert "Away until the spring" in abel
    assert "Known cause, monitored" in dunn
    assert later(90) in dunn
    assert "fatty liver" in dunn
    assert "Urgent" in baker
    assert "no date" in baker
    assert "Already managed: by the ward" in baker


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("until", ["Abel", "Dunn", "Baker"]),
        ("since", ["Abel", "Baker", "Dunn"]),
        ("by", ["Nurse Adams", "Nurse Adams", "Nurse Bell"]),
        ("tier", ["Urgent", "Routine", "Routine"]),
        ("name", ["Abel", "Baker", "Dunn"]),
        ("what", ["Known cause", "Overridden", "Snoozed"]),
    ],
)
def test_it_is_sorted_by_each_of_its_columns(decided: Ward, sort: str, order: list[str]) -> None:
    with decided.client() as client:
        found = rows(client, f"/asleep?sort={sort}")
        assert client.get("/asleep?sort=nonsense").status_code in (400, 422)
    assert all(word in row for word, row in zip(order, found, strict=True))


def test_what_ends_with_the_next_result_says_so(four: Ward) -> None:
    decide(four, BELL, "Abel", "snooze", until="", next_result="yes")
    with four.client() as client:
        (abel,) = rows(client, "/asleep")
    assert "the next result" in abel


def test_what_woke_is_not_among_it_any_more(decided: Ward) -> None:
    decided.feed([result("p1-late", "p1", "2024-09-08", 1300)])
    with decided.client() as client:
        assert not any("Abel" in row for row in rows(client, "/asleep"))


def test_who_was_not_tested_again_is_a_list_of_its_own(four: Ward) -> None:
    old = [result(f"o-{day}", "p5", day, 80) for day in ("2020-01-10", "2020-06-11", "2020-09-03")]
    four.feed_at_the_present([person("p5", name=called("Ellis", "Ed")), *old])
    with four.client() as client:
        (ellis,) = rows(client, "/lost")
        assert not any("Ellis" in row for row in rows(client, "/asleep"))
    for words in ("Ellis, Ed", "Persistent elevation: ALT", "2020-09-03", "2020-01-10", "nobody"):
        assert words in ellis


def test_nothing_of_a_source_that_one_does_not_see_is_listed(decided: Ward) -> None:
    with decided.client(STRANGER) as client:
        assert rows(client, "/asleep") == []
        assert "Nothing is put off" in client.get("/asleep").text


def test_whom_somebody_saw_there_is_in_the_audit(decided: Ward) -> None:
    with decided.client() as client:
        rows(client, "/asleep")
    seen = [
        (actor, patient)
        for actor, patient, detail in decided.audited("read-worklist")
        if detail["query"] == "asleep"
    ]
    assert [actor for actor, _ in seen] == [ADAMS.id] * 3
    assert len({patient for _, patient in seen}) == 3


def test_a_long_list_goes_on(decided: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asleep_pages, "PAGE", 2)
    with decided.client() as client:
        found = rows(client, "/asleep?sort=name") + rows(client, "/asleep?sort=name&page=2")
    assert [row.split(",")[0] for row in found] == ["Abel", "Baker", "Dunn"]
