"""The rulebook keeps a citation and a tag on every number, and refuses what does not fit."""

from dataclasses import FrozenInstanceError
from decimal import Decimal
from pathlib import Path

import pytest

from service.clinical.analytes import Analyte
from service.clinical.rulebook import SHIPPED, load_rulebook, parse_rulebook
from service.clinical.thresholds import UlnPolicy
from service.errors import ConfigurationError
from tests.clinical.records import RULEBOOK

TEXT = SHIPPED.read_text(encoding="utf-8")
ALT_MEN = 'men = { value = 33, citation = "acg-2017", tag = "V" }'


def changed(old: str, new: str) -> str:
    assert TEXT.count(old) >= 1
    return TEXT.replace(old, new, 1)


def test_the_shipped_rulebook_is_the_default() -> None:
    assert load_rulebook().version == "2026.1"
    assert load_rulebook(SHIPPED).digest == load_rulebook().digest
    assert load_rulebook().text == TEXT
    assert load_rulebook().uln_policy is UlnPolicy.LAB


def test_every_number_has_a_citation_and_a_tag() -> None:
    assert len(RULEBOOK.entries) > 140
    for path, entry in RULEBOOK.entries.items():
        assert entry.citation in RULEBOOK.citations, path
        assert entry.tag in ("V", "V2", "K"), path
    assert RULEBOOK.entries["limits.upper.ALT.men"].value == 33
    assert RULEBOOK.entries["limits.upper.ALT.men"].tag == "V"


def test_every_citation_is_used_and_is_a_full_reference() -> None:
    used = {entry.citation for entry in RULEBOOK.entries.values()}
    assert used == set(RULEBOOK.citations)
    assert all(len(reference) > 60 for reference in RULEBOOK.citations.values())


def test_numbers_are_exact() -> None:
    assert RULEBOOK.rules.limits.upper[Analyte.TOTAL_BILIRUBIN].men == Decimal("20.5")
    assert isinstance(RULEBOOK.rules.worsening.fold[Analyte.ALT], Decimal)


def test_the_rulebook_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        RULEBOOK.rules.bands.mild_from = Decimal(3)  # type: ignore[misc]
    with pytest.raises(TypeError):
        RULEBOOK.entries["bands.mild_from"] = RULEBOOK.entries["bands.moderate_from"]  # type: ignore[index]


def test_comments_and_layout_do_not_change_the_digest_but_a_number_does() -> None:
    rewritten = "# a remark\n" + TEXT.replace("value = 33,", "value=33 ,").replace(
        "value = 20.5", "value = 20.50"
    )
    assert parse_rulebook(rewritten).digest == RULEBOOK.digest
    assert parse_rulebook(rewritten).text == rewritten
    assert parse_rulebook(changed("value = 33,", "value = 34,")).digest != RULEBOOK.digest
    assert parse_rulebook(
        changed('citation = "acg-2017", tag = "V"', 'citation = "acg-2017", tag = "K"')
    ).digest != (RULEBOOK.digest)


@pytest.mark.parametrize(
    ("analyte", "rise", "fall"),
    [
        ("ALT", 31, -24),
        ("AST", 32, -24),
        ("GGT", 30, -23),
        ("ALP", 18, -16),
        ("CK", 50, -34),
        ("TBIL", 74, -43),
    ],
)
def test_reference_change_limits_are_those_of_the_specification(analyte: str, rise: int, fall: int) -> None:
    change = RULEBOOK.change[Analyte(analyte)]
    assert round((change.rise - 1) * 100) == rise
    assert round((change.fall - 1) * 100) == fall


@pytest.mark.parametrize(
    ("old", "new", "names", "accepted"),
    [
        (ALT_MEN, "", "limits.upper.ALT.men", "this key"),
        (ALT_MEN, ALT_MEN + "\nmne = 3", "limits.upper.ALT.mne", "men, women"),
        (ALT_MEN, "men = 33", "limits.upper.ALT.men", "value, citation, tag"),
        (
            ALT_MEN,
            'men = { value = "33", citation = "acg-2017", tag = "V" }',
            "limits.upper.ALT.men",
            "a number",
        ),
        (
            ALT_MEN,
            'men = { value = true, citation = "acg-2017", tag = "V" }',
            "limits.upper.ALT.men",
            "a number",
        ),
        (
            ALT_MEN,
            'men = { value = nan, citation = "acg-2017", tag = "V" }',
            "limits.upper.ALT.men",
            "a number",
        ),
        (
            ALT_MEN,
            'men = { value = -33, citation = "acg-2017", tag = "V" }',
            "limits.upper.ALT.men",
            "over 0",
        ),
        (ALT_MEN, 'men = { value = 0, citation = "acg-2017", tag = "V" }', "limits.upper.ALT.men", "over 0"),
        (ALT_MEN, 'men = { value = 33, tag = "V" }', "limits.upper.ALT.men.citation", "this key"),
        (
            ALT_MEN,
            'men = { value = 33, citation = "nobody", tag = "V" }',
            "limits.upper.ALT.men.citation",
            "acg-2017",
        ),
        (
            ALT_MEN,
            'men = { value = 33, citation = "acg-2017", tag = "W" }',
            "limits.upper.ALT.men.tag",
            "V, V2, K",
        ),
        ("[limits.upper.ALT]", "[limits.upper.XYZ]", "limits.upper.ALT", "this key"),
        (
            "[persistence]\nmonths = { value = 6,",
            "[persistence]\nmonths = { value = 6.5,",
            "persistence.months",
            "whole",
        ),
        (
            "mild_from = { value = 2,",
            "mild_from = { value = 5,",
            "bands.moderate_from",
            "more than mild_from (5)",
        ),
        (
            'policy = { value = "lab"',
            'policy = { value = "labs"',
            "limits.policy",
            "lab, guideline, stricter",
        ),
        ("p_value = { value = 0.05", "p_value = { value = 1", "sustained_rise.p_value", "below 1"),
        (
            "laboratory_at_least = { value = 0.2",
            "laboratory_at_least = { value = 1",
            "limits.laboratory_at_least",
            "below 1",
        ),
        (
            "laboratory_at_most = { value = 5",
            "laboratory_at_most = { value = 1",
            "limits.laboratory_at_most",
            "above 1",
        ),
        ('version = "2026.1"', "version = 2026.1", "version", "a text"),
        ("[bands]", "[stripes]", "bands", "this key"),
    ],
)
def test_a_malformed_rulebook_is_refused_by_name_with_what_is_accepted(
    old: str, new: str, names: str, accepted: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_rulebook(changed(old, new))
    assert names in refused.value.message
    assert "found" in refused.value.message
    assert accepted in refused.value.message


def test_text_that_is_not_toml_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="not TOML") as refused:
        parse_rulebook("version = ")
    assert refused.value.where == "rulebook"


def test_a_rulebook_without_citations_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="citations"):
        parse_rulebook('version = "1"')
    for none in ("{}", "3", '"acg-2017"'):
        with pytest.raises(ConfigurationError, match="a table of citation key"):
            parse_rulebook(f'version = "1"\ncitations = {none}')
    with pytest.raises(ConfigurationError, match="full reference"):
        parse_rulebook('version = "1"\n[citations]\na = ""')


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        load_rulebook(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="cannot read"):
        load_rulebook(tmp_path / "binary.toml")
