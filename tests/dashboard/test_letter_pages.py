"""Letters from a patient's page: a PDF for those who decide, and a page that says why where there is none."""

import sys
from uuid import uuid4

import pytest

from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import ADAMS, AUDITOR, STRANGER, Ward, form
from tests.letters.conftest import printed
from tests.liver_files import persistent, person

WANTED = {"to": "referral", "language": "en"}


@pytest.fixture
def one(ward: Ward) -> Ward:
    ward.feed([person("p1", name=[{"family": "Rivera", "given": ["Ana"]}]), *persistent("p1")])
    return ward


def asked(ward: Ward, **wanted: str) -> tuple[int, str]:
    """The status, and what the page says."""
    with ward.client() as client:
        answer = client.post(f"/alerts/{ward.alert().id}/letter", data=WANTED | wanted)
    return answer.status_code, " ".join(Page(answer.text).texts("main"))


def test_a_letter_is_a_pdf_and_the_audit_says_who_has_it(one: Ward) -> None:
    printed("<p>PDFs can be made</p>")
    with one.client() as client:
        answer = client.post(f"/alerts/{one.alert().id}/letter", data=WANTED)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["content-disposition"] == 'attachment; filename="referral-letter.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    ((actor, patient, detail),) = one.audited("write-letter")
    assert (actor, patient) == (ADAMS.id, one.alert().subject)
    assert detail == {"alert": str(one.alert().id), "to": "referral", "language": "en"}


@pytest.mark.parametrize("package", ["vl_convert", "weasyprint"])
def test_where_the_extra_is_not_installed_the_page_says_what_to_install(
    one: Ward, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    status, said = asked(one, to="referral")
    assert status == 501
    assert "Letters cannot be printed here" in said
    assert "pip install 'liverwatch[letters]'" in said
    assert one.audited("write-letter") == []


def test_a_patient_is_not_written_to_about_an_alert_that_was_overridden(one: Ward) -> None:
    with one.client() as client:
        of = one.alert()
        given = form(of, "override", reason="already-managed")
        assert client.post(f"/alerts/{of.id}/decide", data=given).status_code == 303
    status, said = asked(one, to="patient")
    assert status == 409
    assert "No letter was written" in said
    assert "advises nothing to the patient" in said
    assert one.audited("write-letter") == []


@pytest.mark.parametrize("wanted", [{"to": "nobody"}, {"language": "xx"}, {"to": ""}])
def test_a_form_that_asks_for_no_letter_there_is_gets_none(one: Ward, wanted: dict[str, str]) -> None:
    status, said = asked(one, **wanted)
    assert status == 422
    assert "Choose" in said


def test_no_letter_is_written_about_an_alert_of_a_source_one_does_not_see(one: Ward) -> None:
    with one.client(STRANGER) as client:
        assert client.post(f"/alerts/{one.alert().id}/letter", data=WANTED).status_code == 404
        assert client.post(f"/alerts/{uuid4()}/letter", data=WANTED).status_code == 404
    with one.client(AUDITOR) as client:
        assert client.post(f"/alerts/{one.alert().id}/letter", data=WANTED).status_code == 403
    assert one.audited("write-letter") == []


def test_the_page_offers_a_letter_to_those_who_may_write_one(one: Ward) -> None:
    page = f"/patients/{one.public_id('p1')}"
    with one.client() as client:
        forms = [each["action"] for _, each, _ in Page(client.get(page).text).every("form")]
    assert forms.count(f"/alerts/{one.alert().id}/letter") == 1
    with one.client(AUDITOR) as client:
        assert "/letter" not in client.get(page).text
