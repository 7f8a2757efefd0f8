"""The worklist in the browser: who needs what, and why, without a click."""

import re

import pytest
from starlette.testclient import TestClient

from service.dashboard import worklist_pages
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import ADAMS, AUDITOR, BELL, STRANGER, Ward, form, names
from tests.liver_files import person, result


def page(client: TestClient, address: str = "/", status: int = 200) -> Page:
    answer = client.get(address)
    assert answer.status_code == status, answer.text
    return Page(answer.text)


@pytest.fixture
def three(ward: Ward) -> Ward:
    ward.feed_three()
    return ward


def test_the_most_urgent_stands_first_and_no_other_hospitals_patient_at_all(three: Ward) -> None:
    with three.client() as client:
        assert names(page(client)) == ["Baker, Bea", "Abel, Ada"]
    with three.client(STRANGER) as client:
        assert names(page(client)) == ["Cole, Cy"]
    with three.client(AUDITOR) as client:
        first, *others = names(page(client))
        assert (first, sorted(others)) == ("Baker, Bea", ["Abel, Ada", "Cole, Cy"])  # these two are alike


def test_a_row_says_why_without_a_click(three: Ward) -> None:
    with three.client() as client:
        shown = page(client)
    urgent, routine = (text for _, each, text in shown.every("li") if "row" in str(each.get("class")).split())
    assert "Urgent same day" in urgent
    assert "Severe elevation: ALT ALT 32.5 × ULN 1300 U/L on 2024-09-02" in urgent
    assert "born 1950, 74 years, female" in urgent
    assert "Routine within 12 weeks" in routine
    assert "Persistent elevation: ALT ALT 2 × ULN 80 U/L on 2024-09-03" in routine
    assert "elevated for 8 months, since 2024-01-10" in routine
    assert "Opennobody has it" in routine
    assert re.search(r"due 20\d\d-\d\d-\d\d", routine)
    labels = [str(each["aria-label"]) for _, each, _ in shown.every("svg") if each.get("role") == "img"]
    assert labels[1] == (
        "ALT, 4 days of testing from 2024-01-10 to 2024-09-03: 2.0 × to 2.0 × the limit, highest 2.0 ×"
    )


def test_urgency_is_told_by_a_word_and_a_shape_beside_its_colour(three: Ward) -> None:
    with three.client() as client:
        text = client.get("/").text
    marks = re.findall(
        r'class="tier tier-(\w+)"><svg[^>]*aria-hidden="true"[^>]*>(<\w+)[^>]*></svg> <b>(\w+)', text
    )
    assert {("urgent", "<path", "Urgent"), ("routine", "<circle", "Routine")} <= set(marks)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tier=urgent", ["Baker, Bea"]),
        ("tier=routine&family=transaminase", ["Abel, Ada"]),
        ("family=bilirubin", []),
        ("owner=nobody", ["Baker, Bea", "Abel, Ada"]),
        ("owner=me", []),
        ("age=65-", ["Baker, Bea"]),
        ("age=40-64", ["Abel, Ada"]),
        ("source=clinic", ["Baker, Bea", "Abel, Ada"]),
        ("source=annex", []),
        ("state=taken", []),
        ("tier=nonsense&state=nonsense&age=x&cause=y&after=z", ["Baker, Bea", "Abel, Ada"]),
    ],
)
def test_it_is_narrowed_by_the_address(three: Ward, query: str, found: list[str]) -> None:
    with three.client() as client:
        assert names(page(client, f"/?{query}")) == found


def test_who_has_an_alert_and_what_sleeps_is_found_by_the_filters(three: Ward) -> None:
    urgent, routine = three.alerts()
    with three.client() as client:
        client.post(f"/alerts/{urgent.id}/decide", data=form(urgent, "take"))
        client.post(f"/alerts/{routine.id}/decide", data=form(routine, "snooze", next_result="yes"))
        assert names(page(client)) == ["Baker, Bea"]
        assert names(page(client, "/?owner=me")) == ["Baker, Bea"]
        assert names(page(client, "/?state=asleep")) == ["Abel, Ada"]
        assert names(page(client, "/?state=all")) == ["Baker, Bea", "Abel, Ada"]
        assert "Nurse Adams" in page(client).texts("option")
    with three.client(BELL) as client:
        assert names(page(client, "/?owner=me")) == []
        assert names(page(client, "/?owner=%3DNurse+Adams")) == ["Baker, Bea"]


def test_a_name_is_searched_for_in_a_form_and_stands_in_no_address(three: Ward) -> None:
    with three.client() as client:
        answer = client.post("/search", data={"words": "abel a"})
        assert names(Page(answer.text)) == ["Abel, Ada"]
        links = [str(each.get("href")) for _, each, _ in Page(answer.text).every("a")]
        assert not any("abel" in link.lower() for link in links)
        assert names(Page(client.post("/search", data={"words": "cole"}).text)) == []
        assert names(page(client, "/?words=abel")) == ["Abel, Ada"]  # understood, but never written by us


def test_pages_go_on_where_the_last_one_ended(three: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worklist_pages, "PAGE", 1)
    with three.client() as client:
        first = page(client, "/?owner=nobody")
        (going_on,) = [str(each["href"]) for _, each, _ in first.every("a") if each.get("rel") == "next"]
        second = page(client, going_on)
        assert (names(first), names(second)) == (["Baker, Bea"], ["Abel, Ada"])
        assert not [each for _, each, _ in second.every("a") if each.get("rel") == "next"]
        searched = Page(client.post("/search", data={"words": "1950 "}).text)
        assert names(searched) == []


def test_counts_are_of_what_is_asked_for(three: Ward) -> None:
    with three.client() as client:
        (counts,) = [text for _, each, text in page(client).every("p") if each.get("class") == "counts"]
    assert counts.startswith("Alerts: 2 ")
    assert "nobody has it 2" in counts


def test_an_empty_worklist_says_so_and_what_else_there_is(ward: Ward) -> None:
    with ward.client() as client:
        assert "Nothing to do" in page(client).texts("h2")
        assert "No alert is like that" in page(client, "/?tier=soon").texts("h2")


def test_who_may_only_look_is_offered_nothing_to_decide(three: Ward) -> None:
    with three.client(AUDITOR) as client:
        shown = page(client)
    assert not [each for _, each, _ in shown.every("form") if "decide" in str(each.get("action"))]


def test_who_is_not_signed_in_is_led_to_the_door_and_a_script_is_told_where_it_is(ward: Ward) -> None:
    for address in ("/", "/patients/00000000-0000-0000-0000-000000000000"):
        with ward.client(None) as client:
            answer = client.get(address, headers={"accept": "text/html"})
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/sign-in")
        with ward.client(None, script=True) as client:
            answer = client.get(address)
            assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in")


def test_who_saw_which_alerts_is_in_the_audit(three: Ward) -> None:
    with three.client() as client:
        page(client)
    noted = three.audited("read-worklist")
    assert {actor for actor, *_ in noted} == {ADAMS.id}
    assert {(patient, *detail["alerts"]) for _, patient, detail in noted} == {
        (each.subject, str(each.id)) for each in three.alerts()
    }
    (request,) = {detail["request"] for *_, detail in noted}
    assert request


def test_a_worklist_that_shows_nobody_is_in_the_audit_too(three: Ward) -> None:
    with three.client() as client:
        client.get("/?owner=%3Dnobody+of+that+name&tier=urgent")
    ((_, patient, detail),) = three.audited("read-worklist")
    assert (patient, detail["alerts"]) == (None, [])
    assert detail["query"] == "tier=urgent"  # and no words that anybody could have typed


def test_a_step_that_two_alerts_ask_for_is_said_on_the_second_to_stand_with_the_first(ward: Ward) -> None:
    high = {
        "valueQuantity": {"value": 8, "unit": "mg/dL", "code": "mg/dL"},
        "referenceRange": [{"high": {"value": 1.2, "unit": "mg/dL", "code": "mg/dL"}}],
    }
    jaundice = result("b", "p1", "2024-09-01", analyte="bilirubin", **high)
    ward.feed([person("p1"), result("a", "p1", "2024-09-01", 1300), jaundice])
    with ward.client() as client:
        shown = page(client)
    assert {text for _, each, text in shown.every("div") if each.get("class") == "cell-next"} == {
        "Clinical assessment on the same day, with INRdue 2024-09-01",
        "steps stand with: Jaundice: total bilirubin",
    }


def test_only_our_own_sheet_and_script_may_be_loaded_and_nothing_is_kept(three: Ward) -> None:
    with three.client() as client:
        answer = client.get("/")
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        shown = Page(answer.text)
        assert not any(
            name == "style" or name.startswith("on") for _, given, _ in shown.elements for name in given
        )
        scripts = [str(each["src"]) for _, each, text in shown.every("script") if not text]
        assert len(scripts) == len(shown.every("script"))
        assert all(client.get(script).status_code == 200 for script in scripts)
        (vendored,) = [script for script in scripts if ".min.js" in script]
        assert client.get(vendored.replace(".min.js", ".LICENSE.txt")).status_code == 200
