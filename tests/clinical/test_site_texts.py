"""A site may say advice in its own words; what it may not say is refused with the reason."""

import pytest

from service.clinical.advice import paragraphs
from service.clinical.rulebook import (
    RulebookRefused,
    differences,
    load_rulebook,
    parse_rulebook,
    shipped_text,
)
from service.clinical.rulebook_texts import LANGUAGES
from service.languages import LOCALES
from tests.clinical.test_site_rulebook import HEAD


def worded(name: str, language: str, text: str, *, citation: str = "site") -> str:
    return (
        f'{HEAD}\n[texts.{name}]\n{language} = {{ value = "{text}", citation = "{citation}", tag = "K" }}\n'
    )


def test_a_sites_words_stand_beside_its_numbers_and_change_the_digest() -> None:
    site = parse_rulebook(worded("no-alcohol", "zh-CN", "请不要饮酒。"))
    assert site.texts == {"no-alcohol": {"zh-CN": "请不要饮酒。"}}
    assert site.digest != parse_rulebook(HEAD).digest
    (only,) = differences(load_rulebook(), site)
    assert (only.path, only.before) == ("texts.no-alcohol.zh-CN", None)
    assert only.after is not None
    assert only.after.value == "请不要饮酒。"


def test_the_text_that_is_kept_reads_back_with_the_same_words() -> None:
    site = parse_rulebook(worded("come-for-the-recheck", "en", "Please call us by {recheck}."))
    again = parse_rulebook(site.text)
    assert again.texts == site.texts
    assert again.digest == site.digest


def test_a_site_over_a_site_inherits_its_words() -> None:
    parent = worded("no-alcohol", "en", "No alcohol, please.")
    over = HEAD.replace("2026.1-clinic", "2026.1-ward").replace(
        'parent = "2026.1"', 'parent = "2026.1-clinic"'
    )
    texts = {"2026.1-clinic": parent}
    ward = parse_rulebook(over, lambda version: texts.get(version) or shipped_text(version))
    assert ward.texts == {"no-alcohol": {"en": "No alcohol, please."}}


@pytest.mark.parametrize(
    ("name", "language", "text", "place"),
    [
        ("no-such-paragraph", "en", "Words.", "texts.no-such-paragraph"),
        ("no-alcohol", "tlh", "Words.", "texts.no-alcohol.tlh"),
        ("no-alcohol", "en", " ", "texts.no-alcohol.en.value"),
        ("no-alcohol", "en", "Come by {recheck}.", "texts.no-alcohol.en.value"),
        ("come-for-the-recheck", "en", "Come soon.", "texts.come-for-the-recheck.en.value"),
        ("come-for-the-recheck", "en", "Come by {recheck!r}.", "texts.come-for-the-recheck.en.value"),
        ("come-for-the-recheck", "en", "Come by {recheck:>2000}.", "texts.come-for-the-recheck.en.value"),
        ("come-for-the-recheck", "en", "Come by {recheck.__class__}.", "texts.come-for-the-recheck.en.value"),
        ("come-for-the-recheck", "en", "Come by {recheck", "texts.come-for-the-recheck.en.value"),
        ("no-alcohol", "en", "x" * 2001, "texts.no-alcohol.en.value"),
        ("no-alcohol", "en", r"bell \u0007", "texts.no-alcohol.en.value"),
    ],
)
def test_words_that_could_not_be_said_are_refused(name: str, language: str, text: str, place: str) -> None:
    with pytest.raises(RulebookRefused) as refused:
        parse_rulebook(worded(name, language, text))
    (problem,) = refused.value.problems
    assert f"rulebook: {place}: " in problem


def test_words_need_a_source_like_every_number() -> None:
    with pytest.raises(RulebookRefused, match=r"texts\.no-alcohol\.en\.citation"):
        parse_rulebook(worded("no-alcohol", "en", "Words.", citation="nobody"))
    with pytest.raises(RulebookRefused, match=r"texts\.no-alcohol\.en: found 'Words\.'"):
        parse_rulebook(f'{HEAD}\n[texts.no-alcohol]\nen = "Words."\n')
    with pytest.raises(RulebookRefused, match=r"texts\.no-alcohol: found 'Words\.'"):
        parse_rulebook(f'{HEAD}\n[texts]\nno-alcohol = "Words."\n')


def test_its_languages_are_those_that_advice_is_written_in() -> None:
    assert set(LANGUAGES) == set(LOCALES)
    assert "no-alcohol" in paragraphs()
