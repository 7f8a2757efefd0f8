"""A patient's page: why, with the arithmetic; what would change it; what happened; each look audited."""

import re
from itertools import pairwise
from uuid import uuid4

import pytest

from service.errors import ConfigurationError
from service.store import sources
from service.store.session import writing
from service.store.source_settings import SourceSettings, check
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import ADAMS, AUDITOR, STRANGER, Ward, form, later
from tests.liver_files import persistent, person, result


def look(ward: Ward, fhir_id: str = "p1") -> Page:
    with ward.client() as client:
        answer = client.get(f"/patients/{ward.public_id(fhir_id)}")
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def everything(page: Page) -> str:
    (text,) = page.texts("main")
    return text


@pytest.fixture
def one(ward: Ward) -> Ward:
    known = [{"system": "urn:mrn", "value": "MRN-77"}]
    name = [{"family": "Abel", "given": ["Ada"]}]
    ward.feed([person("p1", name=name, identifier=known), *persistent("p1")])
    return ward


def test_it_says_who_it_is_and_why_with_the_arithmetic_the_results_and_the_rule(one: Ward) -> None:
    shown = look(one)
    text = everything(shown)
    assert shown.texts("h1") == ["Abel, Ada"]
    assert "born 1970-05-05, 54 years, female" in text
    assert "urn:mrn|MRN-77" in text
    assert "ALT elevated from 2024-01-10 to 2024-09-03, 237 days, over 4 days of testing" in text
    assert "/rules/persistent-elevation" in [each.get("href") for _, each, _ in shown.every("a")]
    assert "rulebook 2026.1" in text
    rows = [text for _, _, text in shown.every("tr") if "to 40 U/L, laboratory" in text]
    assert rows[0].split()[:4] == ["2024-01-10ALT80", "U/L2", "×to", "40"]
    assert len(rows) == 4


def test_it_leads_to_the_record_in_the_ehr_where_the_source_says_where_that_is(ward: Ward) -> None:
    ward.feed(persistent("p.1"))
    assert not [each for _, each, _ in look(ward, "p.1").every("a") if "p.1" in str(each.get("href"))]
    with writing(ward.engine) as connection:
        for known in sources.every(connection):
            settings = SourceSettings(record_url="https://ehr.example/chart?patient={id}&view=labs")
            sources.change(connection, known.name, settings)
    (link,) = [each for _, each, words in look(ward, "p.1").every("a") if "in the EHR" in words]
    assert link["href"] == "https://ehr.example/chart?patient=p.1&view=labs"
    assert link["rel"] == "noopener noreferrer"


@pytest.mark.parametrize(
    "address",
    [
        "https://ehr.example/patient",
        "https://ehr.example/{id}/{id}",
        "https://ehr.example/{name}/{id}",
        "http://ehr.example/{id}",
        "https://{id}.example/record",
        "javascript:alert('{id}')",
    ],
)
def test_an_address_of_records_that_leads_nowhere_or_can_be_read_on_the_way_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="record_url"):
        check(SourceSettings(record_url=address))


def test_it_says_what_would_change_the_outcome(one: Ward) -> None:
    text = everything(look(one))
    assert "2 consecutive normal days of testing of each: ALT at or below 40 U/L (now 80 U/L)" in text
    assert "It becomes urgent with ALT beyond 600 U/L (15 × ULN or 1000 U/L)" in text
    assert "lost to follow-up after 2026-09-03" in text


def test_what_was_corrected_retracted_left_out_and_held_is_shown_as_such(one: Ward) -> None:
    later_version = {"versionId": "2", "lastUpdated": "2024-09-05T10:00:00Z"}
    one.feed(
        [
            result("p1-2024-06-11", "p1", "2024-06-11", 91, meta=later_version, status="corrected"),
            result("p1-2024-03-12", "p1", "2024-03-12", 80, meta=later_version, status="entered-in-error"),
            result("early", "p1", "2024-09-04", 77, status="preliminary"),
            result("odd", "p1", "2024-09-05", valueQuantity={"value": 8, "unit": "squeaks"}),
        ]
    )
    shown = look(one)
    rows = [text for _, _, text in shown.every("tr")]
    assert any(re.match(r"2024-06-11ALT80 U/L on 2024-06-1191 U/L on 2024-06-11", each) for each in rows)
    assert any(each.startswith("2024-03-12ALT80 U/L on 2024-03-12retracted") for each in rows)
    cells = [text for _, each, text in shown.every("span") if "cell" in str(each.get("class")).split()]
    assert "2.28 × 91 U/L corrected" in cells
    assert "1.93 × 77 U/L preliminary: for the urgent rules only" in cells
    assert any("Observation/odd" in each and "Observation.valueQuantity" in each for each in rows)


def test_decisions_events_and_remarks_stand_in_one_line_of_time(one: Ward) -> None:
    with one.client() as client:
        of = one.alert()
        client.post(f"/alerts/{of.id}/decide", data=form(of, "snooze", until=later(9), note="on holiday"))
        client.post(f"/alerts/{of.id}/say", data={"kind": "comment", "text": "rang her"})
    told = [text for _, _, text in look(one).every("li") if "UTC" in text]
    assert "Comment by Nurse Adams: rang her" in told[0]
    assert f"Snoozed by Nurse Adams: until {later(9)}" in told[1]
    assert "Raised: routine" in told[-1]
    assert not any("open → snoozed" in each for each in told)  # the decision says it


def test_every_vignette_has_a_page_with_its_causes_and_steps(ward: Ward) -> None:
    ward.load_samples()
    assert len(ward.alerts()) > 20
    with ward.client() as client:
        for address in sorted(set(re.findall(r"/patients/[0-9a-f-]{36}", client.get("/?state=all").text))):
            shown = Page(client.get(address).text)
            text = everything(shown)
            assert "Results used (" in text
            assert "What would change it" in text
            if "Steps" in text:
                assert re.search(r"(proposed|ordered|done)", text)
        hys = everything(look(ward, "hys-law"))
    assert "Hy's law" in hys
    assert "Never a diagnosis" in hys
    assert "proposed" in hys


def test_every_look_is_in_the_audit_also_one_in_vain(one: Ward) -> None:
    look(one)
    with one.client(STRANGER) as client:
        assert client.get(f"/patients/{one.public_id('p1')}").status_code == 403
        assert client.get(f"/patients/{uuid4()}").status_code == 404
    looks = one.audited("read-patient")
    assert [(actor, patient is not None) for actor, patient, _ in looks] == [
        (ADAMS.id, True),
        (STRANGER.id, True),
        (STRANGER.id, False),
    ]
    assert all(set(detail) == {"found", "request", "glass"} for *_, detail in looks)
    assert [detail["found"] for *_, detail in looks] == [True, False, False]


def test_a_merged_record_leads_to_the_one_that_survives(one: Ward) -> None:
    link = [{"other": {"reference": "Patient/p1"}, "type": "replaced-by"}]
    one.feed([person("old", link=link)])
    with one.client() as client:
        answer = client.get(f"/patients/{one.public_id('old')}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/patients/{one.public_id('p1')}")


def test_it_is_decided_on_the_page_too_and_one_comes_back_to_it(one: Ward) -> None:
    page = f"/patients/{one.public_id('p1')}"
    of = one.alert()
    with one.client() as client:
        answer = client.post(f"/alerts/{of.id}/decide", data=form(of, "take", back=page))
        assert answer.headers["location"] == f"{page}?done={of.id}"
        assert "Taken by you" in client.get(answer.headers["location"]).text


def test_a_decision_that_a_script_sends_for_the_form_of_the_page_gets_the_page_and_not_a_row(
    one: Ward,
) -> None:
    page = f"/patients/{one.public_id('p1')}"
    of = one.alert()
    with one.client(script=True) as client:
        boosted = {"HX-Boosted": "true"}
        answer = client.post(f"/alerts/{of.id}/decide", data=form(of, "take", back=page), headers=boosted)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{page}?done={of.id}")
        assert Page(client.get(answer.headers["location"], headers=boosted).text).texts("h1") == ["Abel, Ada"]


def test_who_only_looks_is_offered_no_decision(one: Ward) -> None:
    page = f"/patients/{one.public_id('p1')}"
    with one.client(AUDITOR) as client:
        shown = Page(client.get(page).text)
    assert [each["action"] for _, each, _ in shown.every("form")] == ["/sign-out", f"{page}/hold"]


def test_no_address_of_a_patient_is_taken_that_is_none(one: Ward) -> None:
    with one.client() as client:
        for address in ("/patients/p1", "/patients/", "/patients"):
            assert client.get(address).status_code in (400, 404)


def test_headings_tables_and_regions_are_what_a_screen_reader_needs(one: Ward) -> None:
    shown = look(one)
    levels = [int(tag[1]) for tag, _, _ in shown.every("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert len(shown.every("table")) == len(shown.every("caption"))
    assert all(each["scope"] in ("col", "row") for _, each, _ in shown.every("th"))
    ids = [each["id"] for _, each, _ in shown.elements if "id" in each]
    assert len(ids) == len(set(ids))
    labelled = {str(each["for"]) for _, each, _ in shown.every("label") if "for" in each}
    assert labelled <= {str(each) for each in ids}
    asked = [
        each for _, each, _ in shown.every("input", "select", "textarea") if each.get("type") != "hidden"
    ]
    assert all(each.get("type") == "checkbox" or str(each.get("id")) in labelled for each in asked)
