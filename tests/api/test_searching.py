"""Searching: what is found, in pages that lose nothing, with links that tell nothing."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient

from service.alerts.alert import State
from service.api import reads
from service.api.targets import KINDS
from service.fhir import names as systems
from service.fhir.encode import instant
from service.fhir.outgoing import validate_outgoing
from service.fhir.required_codes import REQUIRED
from tests.api.reading_room import BASE, EHR, ReadingRoom, link, matches, number, pages
from tests.fhir.alert_examples import advising, alert, urgent, went_on

ADVICE = ("medication-review", "patient-education")


def ids(*numbers: int) -> list[str]:
    return [str(number(n)) for n in numbers]


def test_a_search_gives_a_valid_bundle_with_what_the_reader_may_see(
    room: ReadingRoom, client: TestClient
) -> None:
    room.put(1)
    room.put(2, source="annex")
    room.put(3, fhir_id="p2")
    bundle = client.get("/fhir/DetectedIssue").json()
    validate_outgoing(bundle)
    assert (bundle["type"], bundle["total"], matches(bundle)) == ("searchset", 2, ids(1, 3))
    assert bundle["entry"][0]["fullUrl"] == f"{BASE}/DetectedIssue/{number(1)}"
    assert bundle["entry"][0]["search"] == {"mode": "match"}
    assert link(bundle, "next") is None
    both = room.client("sees-both").get("/fhir/DetectedIssue").json()
    assert matches(both) == ids(1, 2, 3)


def test_nothing_found_is_an_empty_bundle(client: TestClient) -> None:
    bundle = client.get("/fhir/ServiceRequest").json()
    validate_outgoing(bundle)
    assert bundle["total"] == 0
    assert "entry" not in bundle


def test_every_step_of_every_alert_is_found(room: ReadingRoom, client: TestClient) -> None:
    room.put(1, urgent())
    room.put(2)
    bundle = client.get("/fhir/ServiceRequest").json()
    validate_outgoing(bundle)
    steps = ("liver-ultrasound", "repeat-hepatic-panel", "same-day-assessment")
    expected = [f"{number(1)}-{step}" for step in steps] + [f"{number(2)}-{step}" for step in steps[:2]]
    assert (bundle["total"], matches(bundle)) == (5, expected)


def test_steps_are_found_by_status_each_by_its_own(room: ReadingRoom, client: TestClient) -> None:
    room.put(1, went_on(urgent(), alert()))
    room.put(2, alert(state=State.OVERRIDDEN))
    room.put(3)
    steps = ("liver-ultrasound", "repeat-hepatic-panel")
    active = [f"{number(n)}-{step}" for n in (1, 3) for step in steps]
    revoked = [f"{number(1)}-same-day-assessment", *(f"{number(2)}-{step}" for step in steps)]
    for status, expected in (("active", active), ("revoked", revoked), ("draft", [])):
        bundle = client.get(f"/fhir/ServiceRequest?status={status}").json()
        assert (bundle["total"], matches(bundle)) == (len(expected), expected)
        one_by_one = pages(client, f"/fhir/ServiceRequest?status={status}&_count=1")
        assert [each for page in one_by_one for each in matches(page)] == expected
    assert client.get("/fhir/ServiceRequest?status=active,revoked").json()["total"] == 7


def test_a_patient_is_found_by_any_of_its_names(room: ReadingRoom, client: TestClient) -> None:
    stored = room.put(1, fhir_id="p1")
    room.put(2, fhir_id="p2")
    room.put(3, fhir_id="p1", source="annex")
    public = room.public_id(stored.subject)
    names = ["p1", "Patient/p1", f"{EHR}/Patient/p1", "p7,p1"]
    for name in (*names, str(public), f"Patient/{public}", f"{BASE}/Patient/{public}"):
        asked = {"patient": name}
        assert matches(client.get("/fhir/DetectedIssue", params=asked).json()) == ids(1)
        assert matches(client.post("/fhir/DetectedIssue/_search", data=asked).json()) == ids(1)


def test_another_name_finds_nobody(room: ReadingRoom, client: TestClient) -> None:
    room.put(1, fhir_id="p1")
    wrong = ["p", "P1", "Patient/p1/x", "Observation/p1", "https://other.test/r4/Patient/p1", "\0", "p1\\"]
    for name in (*wrong, f"{BASE}/Patient/p1"):
        bundle = client.get("/fhir/DetectedIssue", params={"patient": name}).json()
        assert (bundle["total"], matches(bundle)) == (0, [])


def test_a_patient_of_a_foreign_source_is_nobody(room: ReadingRoom, client: TestClient) -> None:
    stored = room.put(1, fhir_id="p1", source="annex")
    for term in ("p1", str(room.public_id(stored.subject))):
        assert client.get("/fhir/DetectedIssue", params={"patient": term}).json()["total"] == 0


def test_merged_records_are_one_patient(room: ReadingRoom, client: TestClient) -> None:
    old, new = room.put(1, fhir_id="old"), room.put(2, fhir_id="new")
    room.put(3, fhir_id="somebody-else")
    room.merge(old.subject, into=new.subject)
    for term in ("old", "new"):
        assert matches(client.get(f"/fhir/DetectedIssue?patient={term}").json()) == ids(1, 2)


def test_two_patients_at_once_are_nobody(room: ReadingRoom, client: TestClient) -> None:
    room.put(1, fhir_id="p1")
    room.put(2, fhir_id="p2")
    assert client.get("/fhir/DetectedIssue?patient=p1&patient=p2").json()["total"] == 0
    assert client.get("/fhir/DetectedIssue?patient=p1&patient=p1,p2").json()["total"] == 1


@pytest.mark.parametrize("by_post", [False, True])
def test_no_link_holds_the_patients_id(room: ReadingRoom, client: TestClient, by_post: bool) -> None:
    stored = room.put(1, fhir_id="MRN-4711")
    room.put(2, fhir_id="MRN-4711")
    room.put(3, fhir_id="p2")
    asked = {"patient": "Patient/MRN-4711", "_count": "1"}
    if by_post:
        answer = client.post("/fhir/DetectedIssue/_search", data=asked)
    else:
        answer = client.get("/fhir/DetectedIssue", params=asked)
    bundle = answer.json()
    assert all("MRN" not in each["url"] for each in bundle["link"])
    public = str(room.public_id(stored.subject))
    self_link, next_link = link(bundle, "self"), link(bundle, "next")
    assert self_link == f"/fhir/DetectedIssue?patient={public}&_count=1"
    assert next_link is not None
    assert [matches(each) for each in pages(client, self_link)] == [ids(1), ids(2)]
    assert [matches(each) for each in pages(client, next_link)] == [ids(2)]


def test_what_does_not_exist_is_still_not_echoed_in_links(client: TestClient) -> None:
    for asked in ("patient=MRN-4711", "identifier=MRN-4711", "_id=MRN-4711", "identifier=urn:mrn%7CMRN-4711"):
        answer = client.get(f"/fhir/DetectedIssue?{asked}")
        assert answer.json()["total"] == 0
        assert "MRN" not in answer.text
        again = link(answer.json(), "self")
        assert again is not None
        assert client.get(again).json()["total"] == 0


def test_searching_by_status_agrees_with_what_is_read(room: ReadingRoom, client: TestClient) -> None:
    every = [advising(alert(state=state, seen=seen), *ADVICE) for state in State for seen in (False, True)]
    every.append(went_on(advising(urgent(), *ADVICE), alert()))
    for n, each in enumerate(every):
        room.put(n, replace(each, merged_into=uuid4()))
    for kind in (each for each in KINDS if each != "Provenance"):
        status_of = {
            entry["resource"]["id"]: entry["resource"]["status"]
            for page in pages(client, f"/fhir/{kind}")
            for entry in page["entry"]
        }
        for status in REQUIRED[f"{kind}.status"]:
            found = client.get(f"/fhir/{kind}?status={status}&_count=200").json()
            expected = [each for each, its in status_of.items() if its == status]
            assert matches(found) == expected
            assert found["total"] == len(expected)


def test_status_takes_alternatives_and_systems_and_refuses_what_is_no_status(
    room: ReadingRoom, client: TestClient
) -> None:
    room.put(1)
    room.put(2, alert(state=State.TAKEN, seen=True))
    room.put(3, alert(state=State.ENTERED_IN_ERROR))
    system = "http://hl7.org/fhir/observation-status"
    for asked, found in (
        ("final,preliminary", ids(1, 2)),
        (f"{system}|entered-in-error", ids(3)),
        ("final&status=preliminary", []),
        ("cancelled", []),
    ):
        bundle = client.get(f"/fhir/DetectedIssue?status={asked}").json()
        assert matches(bundle) == found
        self_link = link(bundle, "self")
        assert self_link is not None
        assert matches(client.get(self_link).json()) == found
    refused = client.get("/fhir/DetectedIssue?status=nonsense")
    assert refused.status_code == 400
    assert "nonsense" not in refused.text


def test_a_resource_is_found_by_its_identifier_and_its_id(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    room.put(2)
    issue = client.get(f"/fhir/DetectedIssue/{number(2)}").json()["identifier"][0]
    step = client.get(f"/fhir/ServiceRequest/{number(2)}-liver-ultrasound").json()
    business = step["identifier"][0]
    for kind, asked, found in (
        ("DetectedIssue", {"identifier": f"{issue['system']}|{issue['value']}"}, ids(2)),
        ("DetectedIssue", {"identifier": issue["value"]}, ids(2)),
        ("DetectedIssue", {"identifier": f"{systems.ALERT}|"}, ids(1, 2)),
        ("DetectedIssue", {"identifier": f"|{issue['value']}"}, []),
        ("DetectedIssue", {"identifier": f"{systems.STEP}|{issue['value']}"}, []),
        ("DetectedIssue", {"_id": f"{number(1)},{number(9)},{number(2)}"}, ids(1, 2)),
        ("DetectedIssue", {"_id": str(number(1)), "identifier": issue["value"]}, []),
        ("ServiceRequest", {"identifier": f"{business['system']}|{business['value']}"}, [step["id"]]),
        ("ServiceRequest", {"_id": step["id"]}, [step["id"]]),
        ("ServiceRequest", {"_id": f"{number(2)}-liver-biopsy"}, []),
    ):
        bundle = client.get(f"/fhir/{kind}", params=asked).json()
        assert (bundle["total"], matches(bundle)) == (len(found), found), asked


def test_results_can_be_searched_by_when_they_changed(room: ReadingRoom, client: TestClient) -> None:
    moments = {}
    for n in (1, 2, 3):
        room.put(n, later=3600.25)
        moments[n] = room.now
    middle = instant(moments[2])
    zoned = moments[2].astimezone(tz=None).isoformat(timespec="milliseconds")
    for asked, found in (
        (middle, ids(2)),
        (f"eq{zoned}", ids(2)),
        (f"ne{middle}", ids(1, 3)),
        (f"gt{middle}", ids(3)),
        (f"sa{middle}", ids(3)),
        (f"ge{middle}", ids(2, 3)),
        (f"lt{middle}", ids(1)),
        (f"eb{middle}", ids(1)),
        (f"le{middle}", ids(1, 2)),
        ("2024", ids(1, 2, 3)),
        ("2024-08-20", ids(1, 2, 3)),
        ("gt2024-08", []),
        ("ge2024-08-20T14", None),
        (f"{moments[1]:%Y-%m-%dT%H:%MZ}", ids(1)),
        (f"{moments[1]:%Y-%m-%dT%H:%MZ},{middle}", ids(1, 2)),
        ("le9999", ids(1, 2, 3)),
        ("ge0001-01-01T00:00%2B14:00", ids(1, 2, 3)),
        ("gt9999-12-31", []),
        ("0000", None),
        ("ap2024", None),
        ("2024-02-30", None),
        ("yesterday", None),
        ("", None),
    ):
        answer = client.get(f"/fhir/DetectedIssue?_lastUpdated={asked.replace('+', '%2B')}")
        if found is None:
            assert answer.status_code == 400, asked
            continue
        assert matches(answer.json()) == found, asked
        self_link = link(answer.json(), "self")
        assert self_link is not None
        assert matches(client.get(self_link).json()) == found, asked


def test_a_poller_that_goes_on_after_the_last_instant_it_saw_misses_nothing(
    room: ReadingRoom, client: TestClient
) -> None:
    room.now += timedelta(microseconds=123_456)
    room.put(1)
    last = client.get(f"/fhir/DetectedIssue/{number(1)}").json()["meta"]["lastUpdated"]
    room.put(2, later=0.0000005)
    room.put(3, later=1)
    found = matches(client.get(f"/fhir/DetectedIssue?_lastUpdated=ge{quote(last)}").json())
    assert set(found) == set(ids(1, 2, 3))
    assert matches(client.get(f"/fhir/DetectedIssue?_lastUpdated=gt{quote(last)}").json()) == ids(3)


def test_what_is_asked_for_together_must_hold_together(room: ReadingRoom, client: TestClient) -> None:
    room.put(1, fhir_id="p1")
    room.put(2, alert(state=State.TAKEN, seen=True), fhir_id="p1")
    room.put(3, alert(state=State.TAKEN, seen=True), fhir_id="p2")
    assert matches(client.get("/fhir/DetectedIssue?patient=p1&status=final").json()) == ids(2)
    posted = client.post("/fhir/DetectedIssue/_search?status=final", data={"patient": "p1"})
    assert matches(posted.json()) == ids(2)


@pytest.mark.parametrize("kind", KINDS)
def test_pages_together_hold_everything_once(room: ReadingRoom, client: TestClient, kind: str) -> None:
    for n in range(1, 6):
        of = advising(urgent() if n % 2 else alert(), *ADVICE)
        room.put(n, of, later=n % 2)  # some changed in the same instant
    whole = matches(client.get(f"/fhir/{kind}").json())
    expected = {
        "DetectedIssue": 5,
        "ServiceRequest": 13,
        "CommunicationRequest": 10,
        "Task": 23,
        "Provenance": 5,
    }
    assert len(whole) == expected[kind]
    for count in (1, 2, 3, 7):
        paged = list(pages(client, f"/fhir/{kind}?_count={count}"))
        assert [each for page in paged for each in matches(page)] == whole
        assert all(len(matches(page)) == count for page in paged[:-1])
        assert {page["total"] for page in paged} == {len(whole)}
        for page in paged:
            validate_outgoing(page)


@pytest.mark.parametrize("kind", KINDS)
def test_what_changes_between_pages_is_never_missed(room: ReadingRoom, client: TestClient, kind: str) -> None:
    for n in range(1, 10):
        room.put(n, advising(urgent(), *ADVICE))
    everything = set(matches(client.get(f"/fhir/{kind}").json()))
    found: Counter[str] = Counter()
    for turn, page in enumerate(pages(client, f"/fhir/{kind}?_count=2")):
        found.update(matches(page))
        if turn < 4:
            room.put(1 + turn * 2, advising(urgent(), *ADVICE))  # ahead, behind, or just shown
            room.put(20 + turn, advising(alert(), *ADVICE))
    assert everything <= set(found)
    new = {each for each in found if each not in everything}
    assert {UUID(each[:36]) for each in new} == {number(20 + turn) for turn in range(4)}


def test_a_page_stays_within_what_its_reader_may_see(room: ReadingRoom) -> None:
    room.put(1)
    room.put(2, source="annex")
    room.put(3)
    both = room.client("sees-both").get("/fhir/DetectedIssue?_count=1").json()
    address = link(both, "next")
    assert address is not None
    assert matches(room.client().get(address).json()) == ids(3)


def test_a_cursor_of_another_making_is_refused(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    room.put(2)
    address = link(client.get("/fhir/DetectedIssue?_count=1").json(), "next")
    assert address is not None
    for wrong in (
        address.replace("DetectedIssue", "ServiceRequest"),
        address[:-4],
        f"{address}!",
        "/fhir/DetectedIssue?_cursor=",
        "/fhir/DetectedIssue?_cursor=%00",
    ):
        answer = client.get(wrong)
        assert answer.status_code == 400
        assert answer.json()["resourceType"] == "OperationOutcome"


def test_the_count_is_capped_and_checked(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    room.put(2)
    assert "_count=200" in str(link(client.get("/fhir/DetectedIssue?_count=5000").json(), "self"))
    for wrong in ("-1", "x", "", "1e3", "٣", "9" * 5000):
        assert client.get("/fhir/DetectedIssue", params={"_count": wrong}).status_code == 400


@pytest.mark.parametrize("asked", ["_summary=count", "_count=0"])
def test_only_the_count_can_be_asked_for(room: ReadingRoom, client: TestClient, asked: str) -> None:
    room.put(1)
    for kind, total in (("DetectedIssue", 1), ("ServiceRequest", 2)):
        bundle = client.get(f"/fhir/{kind}?patient=p1&{asked}").json()
        validate_outgoing(bundle)
        assert bundle["total"] == total
        assert "entry" not in bundle
        assert "_summary=count" in str(link(bundle, "self"))


def test_the_total_can_be_spared(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    bundle = client.get("/fhir/DetectedIssue?_total=none").json()
    assert "total" not in bundle
    assert matches(bundle) == ids(1)


def test_a_total_that_is_costly_is_given_when_asked_for(
    room: ReadingRoom, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "_MANY", 1)
    room.put(1)
    room.put(2)
    assert "total" not in client.get("/fhir/ServiceRequest").json()
    for asked in ("_total=accurate", "_summary=count"):
        assert client.get(f"/fhir/ServiceRequest?{asked}").json()["total"] == 4
    assert client.get("/fhir/DetectedIssue").json()["total"] == 2


def test_unknown_parameters_are_ignored_and_not_in_the_self_link(
    room: ReadingRoom, client: TestClient
) -> None:
    room.put(1)
    bundle = client.get("/fhir/DetectedIssue?family-name=Smith&_sort=-code&_summary=text").json()
    assert matches(bundle) == ids(1)
    assert link(bundle, "self") == "/fhir/DetectedIssue?_count=50"


def test_strict_handling_refuses_what_it_does_not_know(client: TestClient) -> None:
    for asked in ("family-name=Smith", "_sort=-code", "_summary=text", "_total=Smith"):
        answer = client.get(
            f"/fhir/DetectedIssue?{asked}", headers={"Prefer": "return=minimal; handling=strict"}
        )
        assert answer.status_code == 400
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert "Smith" not in answer.text


def test_modifiers_are_refused_for_they_turn_a_search_around(client: TestClient) -> None:
    for asked in ("patient:missing=true", "status:not=final", "patient:Patient=p1", "_id:x=1"):
        assert client.get(f"/fhir/DetectedIssue?{asked}").status_code == 400


def test_a_search_by_post_needs_a_form(client: TestClient) -> None:
    address = "/fhir/DetectedIssue/_search"
    json = client.post(address, json={"patient": "p1"})
    assert (json.status_code, json.json()["issue"][0]["code"]) == (415, "not-supported")
    assert client.post(address).status_code == 200
    assert client.post(address, data={"patient": "x" * 70_000}).status_code == 413
    bad = client.post(
        address, content=b"patient=%ff", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert bad.status_code == 400


def test_other_methods_are_not_allowed(client: TestClient) -> None:
    answer = client.post("/fhir/DetectedIssue", json={"resourceType": "DetectedIssue"})
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert client.delete(f"/fhir/DetectedIssue/{number(1)}").status_code == 405
