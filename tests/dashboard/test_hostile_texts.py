"""Whatever stands in a text from the EHR, or is typed by a person, comes out as text and as nothing else."""

from pathlib import Path
from typing import Any

import pytest

from service import dashboard
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import Ward, form, later
from tests.liver_files import PERSISTENT, person, result

CORPUS = (
    "<script>alert(1)</script>",
    "</title></style></textarea></select><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    '" autofocus onfocus="alert(1)',
    "' style='position:fixed' x='",
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}<b>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!--><script>alert(1)</script>-->",
    "]]><script>alert(1)</script>",
    "<a href='javascript:alert(1)' hx-get='/rules' hx-trigger='load'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "\u202e<script>\u2066",
)
HARMLESS = "Plain words"
OURS = {f"/static/{each.name}" for each in Path(dashboard.__file__).parent.glob("static/*.js")}
"""The scripts that a page may load."""


def record(text: str) -> list[Any]:
    """A patient in whose every text that is read stands `text`."""
    said = {"text": text, "coding": [{"display": text, "code": "x", "system": f"urn:{text}"}]}
    subject = {"reference": "Patient/p1", "display": text}
    div = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'}
    patient = person(
        "p1",
        name=[{"family": text, "given": [text, text]}, {"text": text}],
        identifier=[{"system": f"urn:{text}", "value": text}],
        text=div,
    )
    noted: dict[str, Any] = {"note": [{"text": text}], "text": div, "subject": subject}
    results = [result(f"p1-{day}", "p1", day, **noted) for day in PERSISTENT]
    unreadable = result("odd", "p1", "2024-09-04", valueQuantity={"value": 1, "unit": text}, **noted)
    drug = {"text": f"isoniazid {text}"}
    alcohol = {"text": f"alcohol dependence {text}"}
    context = [
        {"resourceType": "Condition", "id": "c1", "code": alcohol, "onsetDateTime": "2020-01-01", **noted},
        {"resourceType": "Condition", "id": "c2", "code": said, "onsetDateTime": "2020-01-01", **noted},
        {
            "resourceType": "MedicationStatement",
            "id": "m1",
            "status": "active",
            "medicationCodeableConcept": drug,
            "effectivePeriod": {"start": "2023-12-01"},
            **noted,
        },
    ]
    return [patient, *context, *results, unreadable]


def pages(ward: Ward, text: str) -> dict[str, str]:
    """Every page and part of a page, after a person has typed `text` wherever one can."""
    ward.feed(record(text))
    shown: dict[str, str] = {}
    with ward.client() as client, ward.client(script=True) as script:
        client.post(f"/alerts/{ward.alert().id}/say", data={"kind": "comment", "text": text})
        given = form(ward.alert(), "assign", to=text, note=text)
        client.post(f"/alerts/{ward.alert().id}/decide", data=given)
        noted = form(ward.alert(), "known-cause", until=later(9), note=text)
        shown["row"] = script.post(f"/alerts/{ward.alert().id}/decide", data=noted).text
        shown["refused"] = client.post(f"/alerts/{ward.alert().id}/decide", data=noted).text
        shown["worklist"] = client.get(f"/?state=all&done={ward.alert().id}").text
        shown["search"] = client.post("/search", data={"words": text, "owner": text, "source": text}).text
        shown["forms"] = script.get(f"/alerts/{ward.alert().id}/decide").text
        shown["patient"] = client.get(f"/patients/{ward.public_id('p1')}?done={ward.alert().id}").text
    return shown


@pytest.mark.parametrize("text", CORPUS)
def test_no_text_becomes_an_element_or_an_attribute(ward: Ward, text: str) -> None:
    for name, shown in pages(ward, text).items():
        page = Page(shown)
        for tag, attributes, words in page.elements:
            assert not any(each == "style" or each.startswith("on") for each in attributes), name
            assert tag not in ("img", "iframe", "math", "style", "object"), name
            assert tag != "script" or (attributes.get("src") in OURS and not words), name
            for each in ("href", "action", "hx-get", "hx-post"):
                assert str(attributes.get(each, "/")).startswith(("/", "#")), name


def test_texts_are_shown_at_all_so_that_the_tests_above_have_something_to_find(ward: Ward) -> None:
    shown = pages(ward, HARMLESS)
    for name in ("row", "refused", "worklist", "search", "patient"):
        assert HARMLESS in shown[name], name
    assert shown["patient"].count(HARMLESS) > 8


def test_marks_that_turn_the_direction_of_writing_are_left_out(ward: Ward) -> None:
    for name, shown in pages(ward, CORPUS[-1]).items():
        assert "\u202e" not in shown, name
        assert "\u2066" not in shown, name
