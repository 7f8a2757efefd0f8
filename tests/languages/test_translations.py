"""Every text that a patient can read is there in every language, with the same dates and numbers in it."""

import re
from datetime import date
from importlib.resources import files
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po

from service.clinical.advice import paragraphs
from service.clinical.recommendations import Audience, orderables
from service.languages import ENGLISH, LOCALES, words_in
from service.letters.patient_texts import TEXTS as LETTER_TEXTS

ROOT = Path(__file__).parent.parent.parent
TRANSLATED = [language for language in LOCALES if language != ENGLISH]
PATIENT_TEXTS = [
    *(order.text for order in orderables().values() if order.audience is Audience.PATIENT),
    *(each.text for each in paragraphs().values() if each.audience is Audience.PATIENT),
]

every_language = pytest.mark.parametrize("language", TRANSLATED)


def catalogue(language: str) -> Catalog:
    file = files("service.languages").joinpath(LOCALES[language], "LC_MESSAGES", "liverwatch.po")
    with file.open("rb") as opened:
        return read_po(opened, locale=LOCALES[language], abort_invalid=True)


def placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.fixture
def wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What `make translations` finds to translate."""
    monkeypatch.chdir(ROOT)
    template = tmp_path / "liverwatch.pot"
    command = ["pybabel", "--quiet", "extract", "--mapping-file", "pyproject.toml", "--output", str(template)]
    CommandLineInterface().run([*command, "."])  # type: ignore[no-untyped-call]
    with template.open("rb") as opened:
        return {str(message.id) for message in read_po(opened) if message.id}


def test_all_that_patients_read_is_found_for_translation(wanted: set[str]) -> None:
    assert len(PATIENT_TEXTS) > 20
    assert wanted == {*PATIENT_TEXTS, *LETTER_TEXTS, "No longer advised: {step}"}


@every_language
def test_every_text_is_translated_and_none_is_left_over(language: str, wanted: set[str]) -> None:
    messages = [message for message in catalogue(language) if message.id]
    assert {str(message.id) for message in messages} == wanted
    for message in messages:
        assert not message.fuzzy, message.id
        assert message.string, message.id
        assert message.string != message.id


@every_language
def test_a_translation_holds_the_same_placeholders_and_numbers(language: str) -> None:
    for message in catalogue(language):
        if message.id:
            assert placeholders(str(message.string)) == placeholders(str(message.id))
            numbers = re.findall(r"\d+", str(message.id))
            assert re.findall(r"\d+", str(message.string)) == numbers, message.id


def test_chinese_is_written_in_chinese() -> None:
    for message in catalogue("zh-CN"):
        if message.id:
            bare = re.sub(r"\{.*?\}", "", str(message.string))
            assert re.search(r"[\u4e00-\u9fff]", bare)
            assert not re.search(r"[A-Za-z]", bare), bare


def test_a_text_and_its_date_are_said_in_each_language() -> None:
    text = paragraphs()["come-for-the-recheck"].text
    day = date(2025, 3, 4)
    assert "by March 4, 2025." in words_in("en").say(text, recheck=day)
    chinese = words_in("zh-CN").say(text, recheck=day)
    assert "2025年3月4日" in chinese
    assert "recheck" not in chinese


def test_a_text_without_a_translation_is_said_in_english() -> None:
    assert words_in("zh-CN").say("Ask on {day}.", day="Monday") == "Ask on Monday."
