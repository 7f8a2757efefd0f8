"""Whatever stands in a text from the EHR, or is typed by a person, comes out as text and as nothing else."""

from pathlib import Path

import pytest

from service import dashboard
from tests.dashboard.hostile_texts import CORPUS, HARMLESS, record
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import Ward, form, later

OURS = {f"/static/{each.name}" for each in Path(dashboard.__file__).parent.glob("static/*.js")}
"""The scripts that a page may load."""


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
