"""The page of the shadow: what a candidate would make of alerts, and how two people put it in force."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, update

from service.clinical.rulebook import load_rulebook, parse_rulebook
from service.dashboard.access import Role
from service.ingest import Rules, rules_in_force
from service.loading import Loader, ensure_source, find_files
from service.quality import shadowing
from service.quality.simulating import keep, simulate
from service.store import activations, shadows, users
from service.store.activations import State
from service.store.decisions import keep_texts
from service.store.schema import account, shadow
from service.store.session import reading, writing
from tests.dashboard.front_desk import Browser, FrontDesk
from tests.dashboard.reading_pages import Page
from tests.liver_files import called, persistent, person, write_lines

RULES = Rules(load_rulebook(), clock="system")
GUIDELINE = parse_rulebook(
    """
version = "2026.1-clinic"
parent = "2026.1"
limits.policy = { value = "guideline", citation = "site", tag = "V" }
[citations]
site = "Clinic of Example, liver test committee."
"""
)
OTHER = parse_rulebook(GUIDELINE.text.replace("2026.1-clinic", "2026.1-other"))
PHYSICIAN = (Role.PHYSICIAN,)


class Clinic:
    """Three women who are elevated by the guideline's limit alone: two of the clinic, one of the annex."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.desk = FrontDesk(engine)
        for fhir_id, family, source in (
            ("p1", "Abel", "clinic"),
            ("p2", "Baker", "clinic"),
            ("p3", "Cole", "annex"),
        ):
            lines = [person(fhir_id, name=called(family, "A")), *persistent(fhir_id, value=38)]
            stored, _ = ensure_source(engine, source, datetime.now(UTC), "test")
            Loader(engine, stored, RULES, clock=lambda: datetime.now(UTC)).load(
                find_files([write_lines(folder / f"{fhir_id}.ndjson", lines)])
            )
        for name in ("adams", "bell", "cole"):
            self.desk.account(name, roles=PHYSICIAN, sees=("clinic", "annex"))

    def simulated(self) -> UUID:
        made = simulate(self.engine, RULES, GUIDELINE, datetime.now(UTC), by="cli:ada")
        with writing(self.engine) as connection:
            return keep(connection, made)

    def in_the_shadow(self) -> None:
        now = datetime.now(UTC)
        with writing(self.engine) as connection:
            shadowing.begin(connection, RULES, GUIDELINE, by="cli:ada", now=now)
        shadowing.follow(self.engine, RULES, now)

    def rulebook(self, ahead: timedelta) -> str:
        """The version of what will be in force after so long."""
        with reading(self.engine) as connection:
            return rules_in_force(connection, RULES, datetime.now(UTC) + ahead).rulebook.version

    def audited(self, action: str) -> list[tuple[str, dict[str, Any]]]:
        return [(actor, detail) for actor, named, detail in self.desk.audited() if named == action]


@pytest.fixture
def clinic(engine: Engine, tmp_path: Path) -> Clinic:
    return Clinic(engine, tmp_path)


def get(browser: Browser, address: str = "/shadow") -> Page:
    answer = browser.get(address)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def link(page: Page, words: str) -> str:
    return next(str(each["href"]) for _, each, text in page.every("a") if text == words)


def send(browser: Browser, button: str, address: str = "/shadow", **fields: str) -> Any:
    """Press a button of the page, as somebody who filled in these fields."""
    page = get(browser, address)
    buttons = {text: each for _, each, text in page.every("button")}
    hidden = {
        str(each["name"]): str(each["value"])
        for _, each, _ in page.every("input")
        if each["type"] == "hidden"
    }
    target = "/shadow" if button == "End the shadow" or button.startswith("Put ") else "/shadow/activation"
    return browser.post(target, data={**hidden, **fields, "action": str(buttons[button]["value"])})


def buttons(page: Page) -> set[str]:
    return {text for _, _, text in page.every("button")} - {"Sign out"}


def test_from_a_simulation_to_the_shadow_to_the_people_without_typing_an_address(clinic: Clinic) -> None:
    run = clinic.simulated()
    browser = clinic.desk.at("adams")
    listed = get(browser, "/simulations")
    answer = send(browser, "Put 2026.1-clinic in the shadow", f"/simulations/{run}")
    assert (answer.status_code, answer.headers["location"]) == (303, link(listed, "the shadow"))
    shadowing.follow(clinic.engine, RULES, datetime.now(UTC))
    page = get(browser)
    assert page.texts("h1") == ["2026.1-clinic in the shadow of 2026.1"]
    assert "3 of 3 people" in page.texts("dd")
    people = get(browser, link(page, "3 gained: who they are"))
    assert browser.get(link(people, "Abel, A")).status_code == 200


def test_figures_are_by_family_and_urgency_and_week_by_week(clinic: Clinic) -> None:
    clinic.in_the_shadow()
    page = get(clinic.desk.at("adams"))
    captions = page.texts("caption")
    assert {"By finding", "By urgency", "What 2026.1-clinic has otherwise than 2026.1"} <= set(captions)
    (chart,) = [each for _, each, _ in page.every("svg")]
    assert "0 in all by the rulebook in force" in str(chart["aria-label"])


def test_nobody_of_another_source_is_counted_or_listed(clinic: Clinic) -> None:
    clinic.in_the_shadow()
    clinic.desk.account("annex", roles=(Role.AUDITOR,), sees=("annex",))
    browser = clinic.desk.at("annex")
    page = get(browser)
    assert "clinic" not in [text for _, _, text in page.every("th")]
    assert "1 of 1 people" in page.texts("dd")
    people = get(browser, link(page, "1 gained: who they are"))
    assert [text for _, _, text in people.every("a") if ", A" in text] == ["Cole, A"]


def test_who_saw_whom_is_in_the_audit(clinic: Clinic) -> None:
    clinic.in_the_shadow()
    clinic.desk.account("annex", roles=(Role.AUDITOR,), sees=("annex",))
    browser = clinic.desk.at("annex")
    get(browser)
    get(browser, "/shadow/alerts?outcome=gained")
    ((actor, detail),) = clinic.audited("read-shadow")
    assert actor == "user:annex"
    assert detail["shadow"]
    ((_, people),) = clinic.audited("read-shadow-people")
    assert (people["count"], people["outcome"]) == (1, "gained")


def test_people_come_in_pages(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.dashboard.shadow_pages.PAGE", 2)
    clinic.in_the_shadow()
    browser = clinic.desk.at("adams")
    first = get(browser, "/shadow/alerts")
    second = get(browser, link(first, "The next alerts"))
    seen = [text for page in (first, second) for _, _, text in page.every("a") if text.endswith(", A")]
    assert sorted(seen) == ["Abel, A", "Baker, A", "Cole, A"]


def test_who_does_not_put_rulebooks_in_force_sees_and_does_nothing(clinic: Clinic) -> None:
    clinic.in_the_shadow()
    for role in (Role.AUDITOR, Role.ADMIN):
        clinic.desk.account(role.value, roles=(role,), sees=("clinic",))
        assert buttons(get(clinic.desk.at(role.value))) == set()


def test_a_shadow_is_ended_and_shown_as_it_was(clinic: Clinic) -> None:
    clinic.in_the_shadow()
    browser = clinic.desk.at("adams")
    assert send(browser, "End the shadow").status_code == 303
    page = get(browser)
    assert page.texts("h1") == ["2026.1-clinic in the shadow of 2026.1"]
    assert buttons(page) == set()
    with reading(clinic.engine) as connection:
        assert shadows.running(connection) is None


def test_two_physicians_put_a_rulebook_in_force(clinic: Clinic) -> None:
    clinic.in_the_shadow()
    adams, bell = clinic.desk.at("adams"), clinic.desk.at("bell")
    assert send(adams, "Propose 2026.1-clinic").status_code == 303
    assert "Confirm 2026.1-clinic" not in buttons(get(adams))
    assert send(bell, "Confirm 2026.1-clinic").status_code == 303
    assert clinic.rulebook(timedelta(0)) == "2026.1"
    assert clinic.rulebook(timedelta(minutes=1)) == "2026.1-clinic"
    (warning,) = [text for text in get(bell).texts("p") if "will be in force" in text]
    assert "proposed by Adams the Tester, confirmed by Bell the Tester" in warning
    (row,) = [text for text in get(bell).texts("td") if text.startswith("Confirmed")]
    assert row


def test_one_person_with_two_browsers_is_one_person(clinic: Clinic) -> None:
    clinic.in_the_shadow()
    here, there = clinic.desk.at("adams"), clinic.desk.at("adams")
    send(here, "Propose 2026.1-clinic")
    with reading(clinic.engine) as connection:
        pending = activations.pending(connection, datetime.now(UTC))
    assert pending is not None
    form = {
        "csrf_token": there.token,
        "activation": str(pending.id),
        "candidate": GUIDELINE.digest,
        "action": "confirm",
    }
    refused = there.post("/shadow/activation", data=form)
    assert refused.status_code == 409
    assert "you proposed it: somebody else has to confirm" in Page(refused.text).texts("a")
    ((actor, detail),) = clinic.audited("rulebook-confirm-refused")
    assert (actor, detail["why"]) == ("user:adams", "you proposed it: somebody else has to confirm")
    assert clinic.rulebook(timedelta(days=1)) == "2026.1"


def test_a_moment_is_told_in_the_zone_of_who_reads(clinic: Clinic) -> None:
    clinic.in_the_shadow()
    with writing(clinic.engine) as connection:
        connection.execute(update(account).values(zone="Asia/Tokyo"))
    browser = clinic.desk.at("adams")
    assert send(browser, "Propose 2026.1-clinic", **{"from": "2999-01-02T08:00"}).status_code == 303
    with reading(clinic.engine) as connection:
        (made,) = activations.every(connection)
    assert made.wanted_from == datetime(2999, 1, 1, 23, tzinfo=UTC)
    assert any("2999-01-02 08:00 JST" in text for text in get(browser).texts("p"))


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00", "2001-01-01T00:00", "tomorrow", "9999-12-31T23:00", "9999-12-31T23:00Z"]
)
def test_a_moment_that_cannot_be_is_refused_on_the_page(clinic: Clinic, moment: str) -> None:
    clinic.in_the_shadow()
    with writing(clinic.engine) as connection:
        connection.execute(update(account).values(zone="America/New_York"))
    refused = send(clinic.desk.at("adams"), "Propose 2026.1-clinic", **{"from": moment})
    assert refused.status_code == 422
    assert "There is a problem" in Page(refused.text).texts("h2")


def test_a_confirmation_that_is_refused_is_audited_whatever_was_wrong(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.in_the_shadow()
    send(clinic.desk.at("adams"), "Propose 2026.1-clinic")
    bell = clinic.desk.at("bell")
    form = {"csrf_token": bell.token, "activation": str(UUID(int=1)), "action": "confirm"}
    assert bell.post("/shadow/activation", data=form).status_code == 404
    # The role is taken away between the page's look at it and the confirmation's.
    monkeypatch.setattr("service.two_people.decides", lambda *_: False)
    assert send(bell, "Confirm 2026.1-clinic").status_code == 403
    no_such, no_physician = (detail["why"] for _, detail in clinic.audited("rulebook-confirm-refused"))
    assert no_such == "there is no such proposal"
    assert no_physician.startswith("only people with the role physician")


def test_what_is_in_the_shadow_stays_while_it_is_proposed(clinic: Clinic) -> None:
    """Who confirms reads there what they confirm."""
    clinic.in_the_shadow()
    adams, bell = clinic.desk.at("adams"), clinic.desk.at("bell")
    send(adams, "Propose 2026.1-clinic")
    assert "End the shadow" not in buttons(get(adams))
    assert adams.post("/shadow", data={"csrf_token": adams.token, "action": "end"}).status_code == 409
    with writing(clinic.engine) as connection:  # as by another process, at the very moment of the proposal
        connection.execute(update(shadow).values(candidate_digest=OTHER.digest))
        keep_texts(connection, {OTHER.digest: OTHER.text}, datetime.now(UTC))
    assert send(bell, "Confirm 2026.1-clinic").status_code == 409
    assert clinic.rulebook(timedelta(days=1)) == "2026.1"


def test_any_physician_withdraws_what_is_not_in_force_yet(clinic: Clinic) -> None:
    clinic.in_the_shadow()
    send(clinic.desk.at("adams"), "Propose 2026.1-clinic")
    assert send(clinic.desk.at("cole"), "Withdraw the proposal").status_code == 303
    with reading(clinic.engine) as connection:
        (made,) = activations.every(connection)
    assert made.state(datetime.now(UTC)) is State.WITHDRAWN
    assert (made.withdrawn_by, made.in_force_from) == ("user:cole", None)


def test_only_what_the_person_saw_in_the_shadow_is_proposed(clinic: Clinic) -> None:
    clinic.in_the_shadow()
    browser = clinic.desk.at("adams")
    form = {"csrf_token": browser.token, "action": "propose", "candidate": "0" * 64}
    assert browser.post("/shadow/activation", data=form).status_code == 409
    with reading(clinic.engine) as connection:
        assert activations.every(connection) == []


def test_a_session_of_somebody_whose_role_was_taken_away_confirms_nothing(clinic: Clinic) -> None:
    clinic.in_the_shadow()
    bell = clinic.desk.at("bell")
    send(clinic.desk.at("adams"), "Propose 2026.1-clinic")
    token = bell.token
    with reading(clinic.engine) as connection:
        (made,) = activations.every(connection)
    with writing(clinic.engine) as connection:
        users.remove(connection, "bell")
    form = {"csrf_token": token, "activation": str(made.id), "action": "confirm"}
    assert bell.post("/shadow/activation", data=form).status_code in (303, 401, 403)
    assert clinic.rulebook(timedelta(days=1)) == "2026.1"


def test_there_is_a_page_before_there_is_a_shadow(clinic: Clinic) -> None:
    assert "No candidate yet" in get(clinic.desk.at("adams")).texts("h2")
    assert clinic.desk.at("adams").get("/shadow/alerts").status_code == 404
