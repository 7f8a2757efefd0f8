"""An admin manages accounts in the browser: each step is audited, and somebody is always left to do it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from service.dashboard.access import Role
from service.store import users
from service.store.session import reading, writing
from service.store.users import Account, Person
from tests.dashboard.front_desk import Browser, FrontDesk
from tests.dashboard.reading_pages import Page


@pytest.fixture
def admin(desk: FrontDesk) -> Browser:
    desk.account("chief", roles=(Role.ADMIN,), sees=("annex",))
    return desk.at("chief")


def send(browser: Browser, address: str = "/admin", **fields: Any) -> Any:
    return browser.post(address, data={"csrf_token": browser.token, **fields})


def add(browser: Browser, name: str = "adams", **fields: Any) -> str:
    """The password that is shown."""
    given = {"name": name, "shown": f"{name} of the ward", "role": ["nurse"], "source": ["clinic"], **fields}
    answer = send(browser, **given)
    assert answer.status_code == 200
    (password,) = Page(answer.text).texts("code")
    return password


def account(desk: FrontDesk, name: str = "adams") -> Account:
    with reading(desk.engine) as connection:
        found = users.find(connection, name)
    assert found is not None
    return found


def last_steps(desk: FrontDesk, many: int) -> list[tuple[str, str, Any]]:
    return [each for each in desk.audited() if each[1].startswith("user-")][-many:]


def test_somebody_is_added_with_a_password_for_one_time_that_is_shown_once(
    admin: Browser, desk: FrontDesk
) -> None:
    password = add(admin, role=["nurse", "auditor"], source=["clinic", "annex"])
    made = account(desk)
    assert (made.shown, made.roles) == ("adams of the ward", frozenset({Role.NURSE, Role.AUDITOR}))
    assert (made.sources, made.one_time) == (frozenset({"clinic", "annex"}), True)
    assert last_steps(desk, 1) == [
        (
            "user:chief",
            "user-add",
            {"user": "adams", "roles": ["auditor", "nurse"], "sources": ["annex", "clinic"]},
        )
    ]
    assert password not in admin.get("/admin").text
    assert password not in admin.get("/admin/adams").text
    newcomer = desk.browser()
    assert newcomer.sign_in("adams", password).status_code == 303
    assert newcomer.get("/").headers["location"] == "/account/password"


def test_the_list_says_who_may_what_and_when_they_last_signed_in(admin: Browser) -> None:
    add(admin, source=["*"])
    shown = Page(admin.get("/admin").text).texts("tr")
    assert any(
        row.startswith("adams") and row.endswith("nurseevery sourceneverone-time password, not yet changed")
        for row in shown
    )
    (own,) = (row for row in shown if row.startswith("chief"))
    assert "UTC" in own
    assert "never" not in own


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Ada Adams"}, "user name: use"),
        ({"name": "chief"}, "already a user"),
        ({"role": []}, "role: give at least one"),
        ({"role": ["surgeon"]}, "role: give at least one"),
        ({"source": ["nowhere"]}, "no source"),
        ({"shown": "Chief the Tester"}, "another user is or was shown by it"),
    ],
)
def test_what_cannot_be_is_said_with_what_was_typed_still_there(
    admin: Browser, desk: FrontDesk, fields: dict[str, Any], words: str
) -> None:
    given = {"name": "adams", "shown": "Ada", "role": ["nurse"], "source": ["clinic"], **fields}
    answer = send(admin, **given)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert any(words in text for text in page.texts("a"))
    values = {str(each["name"]): each.get("value") for _, each, _ in page.every("input")}
    assert (values["name"], values["shown"]) == (str(given["name"]).lower(), given["shown"])
    assert last_steps(desk, 1) == []


def test_roles_and_sources_are_changed_and_the_person_is_signed_out(admin: Browser, desk: FrontDesk) -> None:
    desk.account("adams")
    nurse = desk.at("adams")
    answer = send(admin, "/admin/adams", action="set", shown="Ann", role=["physician"], source=["*"])
    assert answer.headers["location"] == "/admin"
    changed = account(desk)
    assert (changed.shown, changed.roles, changed.sources) == (
        "Ann",
        frozenset({Role.PHYSICIAN}),
        frozenset({"*"}),
    )
    detail = {
        "user": "adams",
        "changed": ["shown", "roles", "sources"],
        "roles": ["physician"],
        "sources": ["*"],
    }
    assert last_steps(desk, 1) == [("user:chief", "user-set", detail)]
    assert nurse.get("/").headers["location"] == "/sign-in"


def test_a_new_password_opens_in_the_old_ones_place(admin: Browser, desk: FrontDesk) -> None:
    first = add(admin)
    (second,) = Page(send(admin, "/admin/adams", action="password").text).texts("code")
    assert desk.browser().sign_in("adams", first).status_code == 422
    assert desk.browser().sign_in("adams", second).status_code == 303
    assert last_steps(desk, 1) == [("user:chief", "user-password", {"user": "adams"})]


def test_who_is_removed_is_signed_out_and_may_be_let_in_again_with_what_they_had(
    admin: Browser, desk: FrontDesk
) -> None:
    desk.account("adams")
    nurse = desk.at("adams")
    assert send(admin, "/admin/adams", action="remove").status_code == 303
    assert nurse.get("/").headers["location"] == "/sign-in"
    (password,) = Page(send(admin, "/admin/adams", action="take-up").text).texts("code")
    back = account(desk)
    assert (back.active, back.one_time, back.roles, back.sources) == (
        True,
        True,
        frozenset({Role.NURSE}),
        frozenset({"clinic"}),
    )
    assert desk.browser().sign_in("adams", password).status_code == 303
    assert [step for _, step, _ in last_steps(desk, 2)] == ["user-remove", "user-take-up"]


def test_who_signs_in_elsewhere_has_no_password_here(admin: Browser, desk: FrontDesk) -> None:
    person = Person("https://id.test", "1", "Zoe")
    with writing(desk.engine) as connection:
        known = users.vouched_for(connection, person, datetime.now(UTC), roles=[Role.NURSE], names=["clinic"])
    address = f"/admin/{known.id}"
    refused = send(admin, address, action="password")
    assert (refused.status_code, "kept by https://id.test" in refused.text) == (422, True)
    assert send(admin, address, action="remove").status_code == 303
    assert send(admin, address, action="take-up").status_code == 303
    back = account(desk, known.id)
    assert (back.active, back.password) == (True, None)


@pytest.mark.parametrize("action", ["remove", "set"])
def test_the_last_admin_stays(admin: Browser, desk: FrontDesk, action: str) -> None:
    refused = send(admin, "/admin/chief", action=action, role=["nurse"])
    assert (refused.status_code, "nobody would be left" in refused.text) == (422, True)
    assert account(desk, "chief").roles == {Role.ADMIN}
    assert last_steps(desk, 1) == []
    desk.account("deputy", roles=(Role.ADMIN,))
    assert send(admin, "/admin/chief", action=action, role=["nurse"]).status_code == 303


def test_what_is_to_be_done_has_to_be_said(admin: Browser, desk: FrontDesk) -> None:
    desk.account("adams")
    assert send(admin, "/admin/adams").status_code == 422
    assert account(desk).active
