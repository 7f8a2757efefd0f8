"""Who stays signed in and for how long, what a role opens, and that no other site acts in somebody's name."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.dashboard.access import Role
from service.dashboard.forms import LARGEST
from service.errors import Conflict
from service.store.session import writing
from service.store import users
from service.store.users import Person
from tests.dashboard.front_desk import COOKIE, PASSWORD, PUBLIC_URL, Browser, FrontDesk
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import RULES, Ward, form, names

NEW = "nine wet umbrellas in May"


# --------------------------------------------------------------------------- whoever is not signed in


def test_a_page_leads_to_the_sign_in_and_a_part_of_one_is_refused_with_the_way_there(desk: FrontDesk) -> None:
    page = desk.browser().get("/probe")
    assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=%2Fprobe")
    for headers in ({"hx-request": "true"}, {"sec-fetch-mode": "cors"}, {"accept": "*/*"}):
        part = desk.browser(**headers).get("/probe")
        assert (part.status_code, part.headers["hx-redirect"]) == (401, "/sign-in")
        assert "probe" not in part.text


@pytest.mark.parametrize("cookie", ["", "nonsense", "x" * 4000])
def test_a_cookie_that_is_no_session_opens_nothing(desk: FrontDesk, cookie: str) -> None:
    browser = desk.browser()
    browser.cookies.set(COOKIE, cookie)
    assert browser.get("/probe").status_code == 303


# -------------------------------------------------------------------------------------------------- how long


def test_who_was_away_for_too_long_signs_in_again(desk: FrontDesk) -> None:
    desk.account()
    browser = desk.at()
    desk.later(minutes=29)
    assert browser.get("/probe").status_code == 200
    desk.later(minutes=29)  # that request counted
    assert browser.get("/probe").status_code == 200
    desk.later(minutes=30)
    assert browser.get("/probe").status_code == 303
    assert desk.audited()[-1] == ("user:adams", "sign-out", {"why": "idle"})
    assert browser.get("/probe").status_code == 303


def test_a_stream_that_a_page_keeps_open_does_not_keep_its_person_signed_in(desk: FrontDesk) -> None:
    desk.account()
    browser = desk.at()
    desk.later(minutes=20)
    assert browser.get("/probe", headers={"accept": "text/event-stream"}).status_code == 200
    desk.later(minutes=20)
    assert browser.get("/probe").status_code == 303


def test_nobody_stays_signed_in_for_longer_than_a_shift(desk: FrontDesk) -> None:
    desk.account()
    browser = desk.at()
    for _ in range(24):
        assert browser.get("/probe").status_code == 200
        desk.later(minutes=29.5)
    desk.later(minutes=13)
    assert browser.get("/probe").status_code == 303


def test_a_site_says_how_long(desk: FrontDesk) -> None:
    desk.given["session_idle_minutes"] = 5
    desk.account()
    browser = desk.at()
    desk.later(minutes=5)
    assert browser.get("/probe").status_code == 303


# ----------------------------------------------------------------------------------- what they may do


def test_a_page_for_a_role_is_closed_to_the_others_and_says_so(desk: FrontDesk) -> None:
    desk.account("nurse")
    desk.account("clerk", roles=(Role.ADMIN, Role.ENGINEER))
    assert desk.at("nurse").get("/probe/nurses").status_code == 200
    clerk = desk.at("clerk")
    refused = clerk.get("/probe/nurses")
    assert refused.status_code == 403
    assert "This is for: nurse, physician." in " ".join(Page(refused.text).texts("main"))
    part = clerk.get("/probe/nurses", headers={"hx-request": "true"})
    assert (part.status_code, part.text) == (403, "this is for: nurse, physician")


def test_a_star_stands_for_every_source_there_is_and_will_be(desk: FrontDesk) -> None:
    desk.account("adams", sees=("*",))
    desk.account("bell", sees=())
    assert "sees annex,clinic<" in desk.at("adams").get("/probe").text
    assert "sees <" in desk.at("bell").get("/probe").text


@pytest.mark.parametrize("change", [{"roles": frozenset({Role.AUDITOR})}, {"sources": frozenset({"annex"})}])
def test_whose_rights_change_signs_in_anew(desk: FrontDesk, change: dict[str, frozenset[str]]) -> None:
    desk.account()
    browser = desk.at()
    with writing(desk.engine) as connection:
        users.change(connection, replace(users.by_id(connection, "adams"), shown="Ann Adams"))
    assert browser.get("/probe").status_code == 200
    with writing(desk.engine) as connection:
        before = users.by_id(connection, "adams")
        users.change(connection, replace(before, **change))  # type: ignore[arg-type]
    assert browser.get("/probe").status_code == 303


def test_nobody_is_shown_by_the_name_of_another_so_that_owners_are_told_apart(desk: FrontDesk) -> None:
    desk.account("adams")
    desk.account("bell")
    with writing(desk.engine) as connection:
        adams, bell = (users.by_id(connection, name) for name in ("adams", "bell"))
        taken = replace(bell, shown=adams.shown.upper())
        for alike in (
            taken.shown,
            adams.shown.replace(" ", "  "),
            "\N{FULLWIDTH LATIN CAPITAL LETTER A}dams the Tester",
        ):
            with pytest.raises(Conflict):
                users.change(connection, replace(bell, shown=alike))
        users.change(connection, replace(adams, shown="Ann Baker"))
        with pytest.raises(Conflict):  # it was another's
            users.change(connection, taken)
        users.change(connection, adams)  # and may be theirs again
        users.remove(connection, "adams")  # what they decided stays theirs
        with pytest.raises(Conflict):
            users.change(connection, taken)


def test_somebody_of_the_same_name_from_elsewhere_is_shown_with_a_mark_and_keeps_it(desk: FrontDesk) -> None:
    desk.account("adams")
    now, name = datetime.now(UTC), "Adams the Tester"
    with writing(desk.engine) as connection:
        people = [Person("https://id.test", subject, name) for subject in ("a", "b", "a")]
        vouched = [
            users.vouched_for(connection, each, now, roles=[Role.NURSE], names=["clinic"]) for each in people
        ]
    shown = [each.shown for each in vouched]
    assert len({name, *shown}) == 3
    with writing(desk.engine) as connection:  # somebody took the mark of one who comes later
        c, mark = Person("https://id.test", "c", name), "(d07040)"
        users.change(connection, replace(users.by_id(connection, "adams"), shown=f"{name} {mark}"))
        marked = users.vouched_for(connection, c, now, roles=[Role.NURSE], names=["clinic"])
    assert marked.shown == f"{name} (d07040fdae5a)"
    assert shown[0] == shown[2]
    assert all(each.startswith(f"{name} (") for each in shown)


def test_who_gets_another_name_keeps_what_is_theirs_and_what_they_did(desk: FrontDesk, ward: Ward) -> None:
    ward.feed_three()
    desk.account()
    app = desk.app()
    app.state.rules = RULES
    browser = Browser(app, PUBLIC_URL)
    browser.sign_in("adams", PASSWORD)
    urgent, _ = ward.alerts()
    sent = {**form(urgent, "take"), "csrf_token": browser.token}
    assert browser.post(f"/alerts/{urgent.id}/decide", data=sent).status_code == 303
    with writing(desk.engine) as connection:
        users.change(connection, replace(users.by_id(connection, "adams"), shown="Ann Baker"))
    assert names(Page(browser.get("/?owner=me").text)) == ["Baker, Bea"]
    told = browser.get(f"/?done={urgent.id}").text
    assert "Taken by you" in told
    assert ">Undo<" in told


@pytest.mark.parametrize(
    ("method", "address", "field"),
    [
        ("GET", "/?owner=%3D%00", ""),
        ("POST", "/search", "words"),
        ("POST", "/admin", "source"),
        ("POST", "/admin", "shown"),
        ("POST", "/sign-in", "name"),
    ],
)
def test_what_no_text_may_have_is_refused_in_every_form_and_address(
    desk: FrontDesk, method: str, address: str, field: str
) -> None:
    desk.account(roles=(Role.ADMIN,))
    browser = desk.at()
    sent = {"csrf_token": browser.token, field: "a\0b"} if field else None
    answer = browser.request(method, address, data=sent)
    assert answer.status_code == 400
    assert "U+0000" in answer.text


# ------------------------------------------------------------------------------------------------ other sites


def test_a_change_needs_the_token_of_this_very_session(desk: FrontDesk) -> None:
    desk.account()
    browser, other = desk.at(), desk.at()
    assert browser.post("/probe").status_code == 403
    assert browser.post("/probe", data={"csrf_token": "guessed"}).status_code == 403
    assert browser.post("/probe", data={"csrf_token": other.token}).status_code == 403
    assert browser.post("/probe", data={"csrf_token": "ü"}).status_code == 403
    assert browser.post("/probe", data={"csrf_token": browser.token}).status_code == 200
    assert browser.post("/probe", headers={"x-csrf-token": browser.token}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "https://watch.clinic.test:8443"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_refused_even_with_the_token(
    desk: FrontDesk, headers: dict[str, str]
) -> None:
    desk.account()
    browser = desk.at()
    assert browser.post("/probe", data={"csrf_token": browser.token}, headers=headers).status_code == 403
    assert desk.browser(**headers).sign_in("adams", PASSWORD).status_code == 403
    assert browser.get("/probe", headers=headers).status_code == 200  # a link from elsewhere changes nothing


def test_a_browser_that_does_not_say_where_a_form_comes_from_cannot_send_it(desk: FrontDesk) -> None:
    desk.account()
    browser = desk.browser()
    for name in ("origin", "sec-fetch-site"):
        del browser.headers[name]
    assert browser.sign_in("adams", PASSWORD).status_code == 403


def test_by_another_name_of_this_machine_forms_are_taken_as_well(desk: FrontDesk) -> None:
    desk.account()
    browser = desk.browser(origin="http://localhost:8080", host="localhost:8080")
    assert browser.sign_in("adams", PASSWORD).status_code == 303


def test_no_form_is_read_that_is_larger_than_ours_are(desk: FrontDesk) -> None:
    desk.account()
    assert desk.browser().sign_in("adams", "x" * LARGEST).status_code == 413
    endless = desk.browser().post("/sign-in", content=iter([b"name=adams"]))
    assert endless.status_code == 400


# -------------------------------------------------------------------------------------------------- passwords


def test_a_one_time_password_opens_nothing_but_the_page_to_change_it(desk: FrontDesk) -> None:
    desk.account(one_time=True)
    browser = desk.at()
    assert browser.get("/probe").headers["location"] == "/account/password"
    part = browser.get("/probe", headers={"hx-request": "true"})
    assert (part.status_code, part.headers["hx-redirect"]) == (403, "/account/password")
    page = Page(browser.get("/account/password").text)
    token = next(each["value"] for _, each, _ in page.every("input") if each["name"] == "csrf_token")
    changed = browser.post(
        "/account/password", data={"csrf_token": str(token), "old": PASSWORD, "new": NEW, "again": NEW}
    )
    assert (changed.status_code, changed.headers["location"]) == (303, "/")
    assert browser.get("/probe").status_code == 200


def test_a_new_password_ends_every_other_session_and_the_old_password(desk: FrontDesk) -> None:
    desk.account()
    browser, other = desk.at(), desk.at()
    before = browser.cookies[COOKIE]
    fields = {"csrf_token": browser.token, "old": PASSWORD, "new": NEW, "again": NEW}
    assert browser.post("/account/password", data=fields).status_code == 303
    assert browser.cookies[COOKIE] != before
    assert browser.get("/probe").status_code == 200
    assert other.get("/probe").status_code == 303
    assert desk.browser().sign_in("adams", PASSWORD).status_code == 422
    assert desk.at("adams", NEW).get("/probe").status_code == 200
    assert ("user:adams", "password-change", {}) in desk.audited()


@pytest.mark.parametrize(
    ("old", "new", "again", "field", "words"),
    [
        ("not mine at all", NEW, NEW, "old", "This is not your password"),
        (PASSWORD, "too short", "too short", "new", "Use 15 to 256 characters"),
        (PASSWORD, "ababababababababab", "ababababababababab", "new", "different characters"),
        (PASSWORD, "adams-liverwatch-2026", "adams-liverwatch-2026", "new", "more than names and numbers"),
        (PASSWORD, NEW, "something else entirely", "again", "Type the same new password twice"),
        (PASSWORD, PASSWORD, PASSWORD, "new", "Choose another password"),
    ],
)
def test_a_password_that_is_not_changed_says_why_beside_the_field(
    desk: FrontDesk, old: str, new: str, again: str, field: str, words: str
) -> None:
    desk.account()
    browser = desk.at()
    sent = {"csrf_token": browser.token, "old": old, "new": new, "again": again}
    answer = browser.post("/account/password", data=sent)
    assert answer.status_code == 422
    shown = Page(answer.text)
    (wrong,) = [each for _, each, _ in shown.every("input") if each["name"] == field]
    assert wrong["aria-invalid"] == "true"
    assert f"{field}-error" in str(wrong["aria-describedby"])
    assert any(each["href"] == f"#{field}" and words in text for _, each, text in shown.every("a"))
    assert not any(sent[name] in answer.text for name in ("old", "new", "again"))
    assert desk.at().get("/probe").status_code == 200


# ---------------------------------------------------------------------------------------------------- headers


def test_every_page_is_guarded_and_kept_by_no_browser(desk: FrontDesk) -> None:
    desk.account("adams")
    desk.account("clerk", roles=(Role.ADMIN,))
    signed = desk.at()
    answers = [
        desk.browser().get("/sign-in"),
        desk.browser().sign_in("adams", "wrong, wrong, wrong"),
        signed.get("/probe"),
        signed.get("/account"),
        signed.post("/probe"),
        desk.at("clerk").get("/probe/nurses"),
    ]
    for answer in answers:
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        if not answer.text.startswith("<p>"):
            shown = Page(answer.text)
            assert shown.every("script", "style") == []
            assert not any(
                name == "style" or name.startswith("on") for _, named, _ in shown.elements for name in named
            )
    rules = desk.browser().get("/rules")
    assert rules.headers["content-security-policy"].endswith("form-action 'none'; frame-ancestors 'none'")


def test_an_ehr_may_show_the_pages_in_a_frame_where_the_site_says_so(desk: FrontDesk) -> None:
    desk.given["frame_ancestors"] = ("https://ehr.clinic.test",)
    policy = desk.browser().get("/sign-in").headers["content-security-policy"]
    assert policy.endswith("frame-ancestors https://ehr.clinic.test")
