"""Views of the worklist that people save for themselves, and how they want their pages to be."""

from typing import Any

import pytest

from service.dashboard.access import Role
from service.store import saved_views
from tests.dashboard.front_desk import Browser, FrontDesk
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import Ward
from tests.liver_files import persistent, person, result

URGENT = {"tier": "urgent"}


@pytest.fixture
def nurse(ward: Ward, desk: FrontDesk) -> Browser:
    """At the worklist of a hospital with a severe elevation of an old woman and a persistent one."""
    ward.feed([person("p1"), *persistent("p1")])
    severe = [result("s1", "p2", "2024-09-01", 30), result("s2", "p2", "2024-09-02", 1300)]
    ward.feed([person("p2", birthDate="1930-01-01"), *severe])
    ward.feed([person("p3"), *persistent("p3")], "annex")
    desk.account()
    return desk.at()


def send(browser: Browser, address: str, **fields: str) -> Any:
    return browser.post(address, data={"csrf_token": browser.token, **fields})


def save(browser: Browser, name: str, **filters: str) -> Any:
    return send(browser, "/views", name=name, **filters)


def links(browser: Browser) -> list[tuple[str, str]]:
    """The saved views above the list: words and addresses."""
    page = Page(browser.get("/?state=").text)
    return [(text, str(each["href"])) for _, each, text in page.every("a") if each.get("class") == "view"]


def view_of(browser: Browser, name: str) -> str:
    """The address that changes a view."""
    forms = Page(browser.get("/views").text).every("form")
    return next(str(each["action"]) for _, each, text in forms if text.startswith(f"Name Rename {name}"))


def test_filters_that_are_saved_stand_as_a_link_with_their_count_above_the_list(nurse: Browser) -> None:
    answer = save(nurse, "Severe", tier="urgent", owner="nobody")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?tier=urgent&owner=nobody")
    save(nurse, "The old", age="65-")
    save(nurse, "Mine", owner="me", state="all")
    assert links(nurse) == [
        ("Mine 0", "/?state=all&owner=me"),
        ("Severe 1", "/?tier=urgent&owner=nobody"),
        ("The old 1", "/?age=65-"),
    ]


def test_a_name_that_was_searched_for_is_not_saved_with_the_filters(nurse: Browser) -> None:
    save(nurse, "Severe", words="Baker", **URGENT)
    assert links(nurse) == [("Severe 1", "/?tier=urgent")]
    assert "Baker" not in nurse.get("/views").text


def test_the_view_that_is_first_opens_with_the_worklist_and_the_rest_is_one_link_away(
    nurse: Browser,
) -> None:
    save(nurse, "Severe", **URGENT)
    assert nurse.get("/").status_code == 200
    send(nurse, view_of(nurse, "Severe"), action="first")
    assert nurse.get("/").headers["location"] == "/?tier=urgent"
    everything = Page(nurse.get("/?state=").text)
    assert len(everything.texts("h3")) == 2
    send(nurse, view_of(nurse, "Severe"), action="not-first")
    assert nurse.get("/").status_code == 200


def test_only_one_view_is_first(nurse: Browser) -> None:
    for name, tier in (("Severe", "urgent"), ("Slow", "routine")):
        save(nurse, name, tier=tier)
        send(nurse, view_of(nurse, name), action="first")
    assert nurse.get("/").headers["location"] == "/?tier=routine"
    assert Page(nurse.get("/views").text).texts("h2") == ["Slow shown first", "Severe"]


def test_a_view_is_renamed_and_removed(nurse: Browser) -> None:
    save(nurse, "Severe", **URGENT)
    assert send(nurse, view_of(nurse, "Severe"), action="rename", name="Now").headers["location"] == "/views"
    assert links(nurse) == [("Now 1", "/?tier=urgent")]
    send(nurse, view_of(nurse, "Now"), action="remove")
    assert links(nurse) == []


def test_views_are_ones_own(nurse: Browser, desk: FrontDesk) -> None:
    save(nurse, "Severe", **URGENT)
    desk.account("bell")
    other = desk.at("bell")
    assert links(other) == []
    for action in ("rename", "first", "remove"):
        assert send(other, view_of(nurse, "Severe"), action=action, name="Hers").status_code == 404
    assert links(nurse) == [("Severe 1", "/?tier=urgent")]


@pytest.mark.parametrize(
    ("name", "filters", "status"),
    [
        ("", URGENT, 422),
        ("x" * 61, URGENT, 422),
        ("All", {}, 422),
        ("All", {"tier": "odd"}, 422),
        ("severe", URGENT, 409),
    ],
)
def test_a_view_needs_a_name_of_its_own_and_a_filter(
    nurse: Browser, name: str, filters: dict[str, str], status: int
) -> None:
    save(nurse, "Severe", **URGENT)
    assert save(nurse, name, **filters).status_code == status
    assert links(nurse) == [("Severe 1", "/?tier=urgent")]


def test_there_is_an_end_to_how_many_views_there_are(nurse: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_views, "MOST", 1)
    save(nurse, "Severe", **URGENT)
    assert save(nurse, "Another", tier="soon").status_code == 409


def test_a_view_counts_only_what_its_person_may_see(nurse: Browser, desk: FrontDesk) -> None:
    desk.account("audit", roles=(Role.AUDITOR,), sees=("*",))
    auditor = desk.at("audit")
    for browser in (nurse, auditor):
        save(browser, "Slow", tier="routine")
    assert links(nurse) == [("Slow 1", "/?tier=routine")]
    assert links(auditor) == [("Slow 2", "/?tier=routine")]


def scripts(browser: Browser) -> list[str]:
    return [str(each["src"]) for _, each, _ in Page(browser.get("/?state=").text).every("script")]


def test_whoever_switches_the_keys_off_gets_neither_their_script_nor_their_help(
    nurse: Browser, desk: FrontDesk
) -> None:
    assert "/static/shortcuts.js" in scripts(nurse)
    assert "Keys" in Page(nurse.get("/?state=").text).texts("h2")
    assert send(nurse, "/account/preferences").headers["location"] == "/account"
    assert "/static/shortcuts.js" not in scripts(nurse)
    assert "Keys" not in Page(nurse.get("/?state=").text).texts("h2")
    assert "/static/shortcuts.js" not in scripts(desk.at())  # it is kept for the person, not the browser
    send(nurse, "/account/preferences", shortcuts="yes")
    assert "/static/shortcuts.js" in scripts(nurse)
    assert ("user:adams", "account-preferences", {}) in desk.audited()


def test_times_are_told_in_the_zone_that_somebody_chose(nurse: Browser, ward: Ward) -> None:
    address = f"/patients/{ward.public_id('p1')}"

    def times() -> list[str]:
        return Page(nurse.get(address).text).texts("time")

    assert all(each.endswith(" UTC") for each in times())
    send(nurse, "/account/preferences", zone="Asia/Tokyo")
    assert times() == ["2024-09-10 21:00 JST"]
    send(nurse, "/account/preferences", zone="Nowhere/At-All")
    assert times() == ["2024-09-10 12:00 UTC"]
