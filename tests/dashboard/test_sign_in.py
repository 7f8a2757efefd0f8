"""Signing in and out with a name and a password."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from sqlalchemy import select

from service.dashboard.access import Role
from service.store import attempts, users
from service.store.schema import account, session, sign_in_attempt
from service.store.session import reading, writing
from tests.dashboard.front_desk import COOKIE, PASSWORD, FrontDesk
from tests.dashboard.reading_pages import Page

WRONG = "The user name or the password is wrong"


def test_whoever_signs_in_is_led_to_where_they_wanted_to_go(desk: FrontDesk) -> None:
    desk.account()
    browser = desk.browser()
    asked = browser.get("/probe?tier=urgent")
    assert (asked.status_code, asked.headers["location"]) == (
        303,
        "/sign-in?next=%2Fprobe%3Ftier%3Durgent",
    )
    form = Page(browser.get(asked.headers["location"]).text)
    hidden = {str(each["name"]): str(each["value"]) for _, each, _ in form.every("input") if "value" in each}
    answer = browser.sign_in("Adams ", PASSWORD, **hidden)
    assert (answer.status_code, answer.headers["location"]) == (303, "/probe?tier=urgent")
    assert "Adams the Tester sees clinic" in browser.get("/probe").text
    assert desk.audited() == [("user:adams", "sign-in", {"how": "password"})]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=y",
        "/\t/x",
    ],
)
def test_nobody_is_led_to_another_site(desk: FrontDesk, elsewhere: str) -> None:
    desk.account()
    browser = desk.browser()
    assert browser.sign_in("adams", PASSWORD, next=elsewhere).headers["location"] == "/"
    assert elsewhere not in browser.get(f"/sign-in?next={quote(elsewhere)}").text


def test_the_cookie_is_of_this_host_alone_and_out_of_reach_of_scripts(desk: FrontDesk) -> None:
    desk.account()
    cookie = desk.browser().sign_in("adams", PASSWORD).headers["set-cookie"]
    name, _, rest = cookie.partition("=")
    assert name == COOKIE
    attributes = {each.strip().lower() for each in rest.split(";")[1:]}
    assert attributes == {"httponly", "path=/", "samesite=lax", "secure"}


def test_on_one_machine_without_https_the_cookie_is_taken_too(desk: FrontDesk) -> None:
    desk.given["public_url"] = "http://127.0.0.1:8080"
    desk.account()
    browser = desk.browser(origin="http://127.0.0.1:8080")
    cookie = browser.sign_in("adams", PASSWORD).headers["set-cookie"].lower()
    assert cookie.startswith("liverwatch=")
    assert "secure" not in cookie
    assert "httponly" in cookie


def test_the_database_holds_neither_password_nor_token(desk: FrontDesk) -> None:
    desk.account()
    browser = desk.at()
    with reading(desk.engine) as connection:
        (digest,) = connection.execute(select(session.c.digest)).scalars()
        (password,) = connection.execute(select(account.c.password)).scalars()
    assert digest not in browser.cookies[COOKIE]
    assert browser.cookies[COOKIE] not in digest
    assert password.startswith("$argon2id$")


@pytest.mark.parametrize(("name", "password"), [("adams", "not the password"), ("nobody", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_are_answered_alike(
    desk: FrontDesk, name: str, password: str
) -> None:
    desk.account()
    browser = desk.browser()
    answer = browser.sign_in(name, password)
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers
    shown = Page(answer.text)
    assert shown.texts("title")[0].startswith("Error: ")
    assert WRONG in shown.every("div")[0][2]
    assert password not in answer.text
    assert browser.get("/probe").status_code == 303


def test_a_failure_is_audited_without_what_was_typed_as_a_name(desk: FrontDesk) -> None:
    desk.account()
    desk.browser().sign_in("adams", "not the password")
    desk.browser().sign_in(PASSWORD, "typed into the wrong field")
    assert desk.audited() == [("user:adams", "sign-in-failed", {}), ("unknown", "sign-in-failed", {})]


@pytest.mark.parametrize("name", ["adams", "nobody"])
def test_guessing_has_to_wait_longer_and_longer_whoever_is_guessed(desk: FrontDesk, name: str) -> None:
    desk.account()
    browser = desk.browser()
    for _ in range(attempts.FREE):
        assert browser.sign_in(name, "a guess of many").status_code == 422
    held_off = browser.sign_in(name, PASSWORD)
    assert held_off.status_code == 429
    assert int(held_off.headers["retry-after"]) >= 1
    assert "too many attempts" in held_off.text
    assert desk.audited()[-1][1] == "sign-in-held-off"


def test_after_the_wait_the_right_password_is_taken_and_the_count_begins_anew(desk: FrontDesk) -> None:
    desk.account()
    browser = desk.browser()
    for _ in range(attempts.FREE):
        browser.sign_in("adams", "a guess of many")
    with writing(desk.engine) as connection:
        earlier = select(sign_in_attempt.c.at).scalar_subquery()
        connection.execute(sign_in_attempt.update().values(not_before=earlier))
    assert browser.sign_in("adams", PASSWORD).status_code == 303
    with reading(desk.engine) as connection:
        assert connection.execute(select(sign_in_attempt)).all() == []


def test_waits_double_and_end_at_five_minutes(desk: FrontDesk) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    waits = []
    with writing(desk.engine) as connection:
        for _ in range(attempts.FREE - 1):
            assert attempts.begin(connection, "adams", now) is None
        for _ in range(12):
            assert attempts.begin(connection, "adams", now) is None
            wait = attempts.begin(connection, "adams", now)
            assert wait is not None
            waits.append(int(wait.total_seconds()))
            now += wait
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_a_browser_gets_a_new_session_when_somebody_signs_in_on_it(desk: FrontDesk) -> None:
    desk.account()
    browser = desk.at()
    before = browser.cookies[COOKIE]
    browser.sign_in("adams", PASSWORD)
    assert browser.cookies[COOKIE] != before
    old = desk.browser()
    old.cookies.set(COOKIE, before)
    assert old.get("/probe").status_code == 303


def test_a_token_that_somebody_else_thought_of_is_never_taken_up(desk: FrontDesk) -> None:
    desk.account()
    browser = desk.browser()
    browser.cookies.set(COOKIE, "chosen-by-an-attacker", domain="watch.clinic.test", path="/")
    browser.sign_in("adams", PASSWORD)
    with_it = desk.browser()
    with_it.cookies.set(COOKIE, "chosen-by-an-attacker")
    assert with_it.get("/probe").status_code == 303


def test_signing_out_ends_the_session_and_clears_the_browser(desk: FrontDesk) -> None:
    desk.account()
    browser, other = desk.at(), desk.at()
    before = browser.cookies[COOKIE]
    answer = browser.post("/sign-out", data={"csrf_token": browser.token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?out=1")
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    assert COOKIE not in browser.cookies
    browser.cookies.set(COOKIE, before)
    assert browser.get("/probe").status_code == 303
    assert other.get("/probe").status_code == 200
    assert "You have signed out" in browser.get("/sign-in?out=1").text
    assert desk.audited()[-1] == ("user:adams", "sign-out", {"everywhere": False})


def test_signing_out_everywhere_ends_every_session(desk: FrontDesk) -> None:
    desk.account()
    browser, other = desk.at(), desk.at()
    browser.post("/sign-out", data={"csrf_token": browser.token, "everywhere": "1"})
    assert other.get("/probe").status_code == 303
    assert desk.audited()[-1] == ("user:adams", "sign-out", {"everywhere": True})


def test_who_was_removed_is_out_at_once_and_stays_out(desk: FrontDesk) -> None:
    desk.account()
    browser = desk.at()
    with writing(desk.engine) as connection:
        users.remove(connection, "adams")
    assert browser.get("/probe").status_code == 303
    assert desk.browser().sign_in("adams", PASSWORD).status_code == 422


def test_the_form_has_labels_and_says_to_browsers_what_its_fields_are(desk: FrontDesk) -> None:
    desk.account()
    answer = desk.browser().get("/sign-in")
    shown = Page(answer.text)
    labels = {str(each["for"]) for _, each, _ in shown.every("label")}
    fields = {str(each["name"]): each for _, each, _ in shown.every("input") if each["type"] != "hidden"}
    assert set(fields) == labels == {"name", "password"}
    assert fields["name"]["autocomplete"] == "username"
    assert fields["password"]["autocomplete"] == "current-password"
    assert shown.every("script", "style") == []


def test_where_nobody_has_an_account_the_page_says_what_to_do(desk: FrontDesk) -> None:
    assert "liverwatch user add" in desk.browser().get("/sign-in").text
    desk.account(roles=(Role.ADMIN,))
    assert "liverwatch user add" not in desk.browser().get("/sign-in").text
