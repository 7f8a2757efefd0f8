"""A site gives only what differs from the rulebook it names, and is told everything that is wrong with it."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from service.clinical.analytes import Analyte
from service.clinical.episodes import Tier
from service.clinical.rulebook import (
    Difference,
    RulebookRefused,
    differences,
    load_rulebook,
    parse_rulebook,
)
from service.clinical.rulebook_reader import Entry
from service.clinical.thresholds import UlnPolicy
from service.errors import ConfigurationError
from tests.clinical.records import RULEBOOK

HEAD = """
version = "2026.1-clinic"
parent = "2026.1"
released = "2026-12-01"

[citations]
site = "Clinic of Example, liver test committee, minutes of 1 December 2026."
"""
SITE = (
    HEAD
    + """
[limits]
policy = { value = "guideline", citation = "site", tag = "V" }

[limits.upper.ALT]
men = { value = 35.50, citation = "site", tag = "V" }

[change]
cva = { value = 4, citation = "site", tag = "V" }

[urgent.severe_elevation]
value = { value = 800, citation = "site", tag = "V" }

[tiers]
worsening = { value = "urgent", citation = "site", tag = "V" }

[alert_policy]
window_days = { value = 60, citation = "site", tag = "V" }
"""
)


def of_the_site(path: str, value: object) -> str:
    return f'{path} = {{ value = {value}, citation = "site", tag = "V" }}'


def test_what_the_site_gives_counts_and_all_else_is_the_parents() -> None:
    rules = parse_rulebook(SITE).rules
    assert rules.limits.policy is UlnPolicy.GUIDELINE
    assert rules.limits.upper[Analyte.ALT].men == Decimal("35.5")
    assert rules.limits.upper[Analyte.ALT].women == 25
    assert rules.urgent.severe_elevation.value == 800
    assert rules.urgent.severe_elevation.multiple == 15
    assert rules.tiers.worsening is Tier.URGENT
    assert rules.alert_policy.window_days == 60
    assert rules.persistence == RULEBOOK.rules.persistence


def test_the_analytical_variation_of_the_site_moves_the_reference_change_limits() -> None:
    ours = parse_rulebook(SITE)
    assert ours.change[Analyte.ALT].rise > RULEBOOK.change[Analyte.ALT].rise


def test_the_site_has_its_own_version_date_citation_and_history() -> None:
    ours = parse_rulebook(SITE)
    assert ours.version == "2026.1-clinic"
    assert ours.released is not None
    assert ours.released.isoformat() == "2026-12-01"
    assert ours.entries["limits.policy"].citation == "site"
    assert ours.citations["site"].startswith("Clinic of Example")
    assert [each.version for each in ours.history] == ["2026.1-clinic", "2026.1"]
    assert ours.history[1].digest == RULEBOOK.digest


def test_a_date_of_the_parent_is_not_taken_for_the_sites() -> None:
    assert parse_rulebook(HEAD.replace('released = "2026-12-01"', "")).released is None


def test_the_text_that_is_kept_gives_the_same_rules_again_without_the_parent() -> None:
    ours = parse_rulebook(SITE)
    again = parse_rulebook(ours.text, lambda _: None)
    assert again.digest == ours.digest
    assert again.rules == ours.rules
    assert again.entries == ours.entries
    assert again.citations == ours.citations
    assert again.text == ours.text


def test_a_reference_with_any_characters_is_kept_as_it_is() -> None:
    awkward = 'Müller "quoted" \\\\ back \\u007f and 😀'
    written = HEAD.replace("Clinic of Example", awkward.replace('"', '\\"'))
    ours = parse_rulebook(written)
    assert ours.citations["site"].startswith('Müller "quoted" \\ back \x7f and 😀')
    assert parse_rulebook(ours.text).digest == ours.digest


def test_the_digest_is_that_of_the_effective_rules() -> None:
    assert parse_rulebook(SITE).digest != RULEBOOK.digest
    assert parse_rulebook("# a remark\n" + SITE).digest == parse_rulebook(SITE).digest
    assert parse_rulebook(SITE.replace("800", "801")).digest != parse_rulebook(SITE).digest


def test_the_difference_names_both_values_with_their_sources() -> None:
    found = {each.path: each for each in differences(RULEBOOK, parse_rulebook(SITE))}
    assert set(found) == {
        "limits.policy",
        "limits.upper.ALT.men",
        "change.cva",
        "urgent.severe_elevation.value",
        "tiers.worsening",
        "alert_policy.window_days",
    }
    assert found["limits.upper.ALT.men"] == Difference(
        "limits.upper.ALT.men", Entry(Decimal(33), "acg-2017", "V"), Entry(Decimal("35.5"), "site", "V")
    )
    assert list(differences(RULEBOOK, RULEBOOK)) == []


@pytest.mark.parametrize(("key", "most"), [("baseline.days", 36_500), ("sustained_rise.exact_up_to", 30)])
def test_the_greatest_number_that_is_accepted_is_accepted(key: str, most: int) -> None:
    parse_rulebook(of_the_site(key, most) + "\n" + HEAD)
    with pytest.raises(ConfigurationError) as refused:
        parse_rulebook(of_the_site(key, most + 1) + "\n" + HEAD)
    assert f"at most {most}" in refused.value.message


@pytest.mark.parametrize(
    ("line", "key", "found", "accepted"),
    [
        (of_the_site("limits.polcy", '"lab"'), "limits.polcy", "polcy", "policy"),
        (of_the_site("limits.policy", '"ours"'), "limits.policy.value", "'ours'", "lab, guideline, stricter"),
        (of_the_site("change.cva", '"3"'), "change.cva.value", "'3'", "a number"),
        (of_the_site("bands.moderate_from", 1), "bands.moderate_from", "found 1", "more than mild_from (2)"),
        (of_the_site("bands.mild_from", '"two"'), "bands.mild_from.value", "'two'", "a number"),
        (of_the_site("baseline.days", 0), "baseline.days.value", "found 0", "over 0"),
        (of_the_site("alert_policy.window_days", -90), "alert_policy.window_days.value", "-90", "over 0"),
        (of_the_site("urgent.jaundice.bilirubin", "-0.5"), "urgent.jaundice.bilirubin", "-0.5", "over 0"),
        (
            of_the_site("urgent.severe_elevation.multiple", 4),
            "urgent.severe_elevation.multiple",
            "found 4",
            "not less than bands.moderate_from (5)",
        ),
        (
            of_the_site("worsening.urgent_fold", "1.2"),
            "worsening.urgent_fold",
            "found 1.2",
            "not less than worsening.fold.ALT (1.5)",
        ),
        (
            of_the_site("tiers.urgent", '"routine"'),
            "tiers.urgent",
            "'routine'",
            "not less than tiers.worsening (soon)",
        ),
        (
            of_the_site("urgent.dili_stop.at_once", 4),
            "urgent.dili_stop.at_once",
            "found 4",
            "more than sustained (5)",
        ),
        ("bands = 3", "bands", "found 3", "a table with the keys"),
        ("limits.upper.ALT.men = 33", "limits.upper.ALT.men", "found 33", "value, citation, tag"),
        ("bands.mild_from = { value = 3 }", "bands.mild_from.citation", "found nothing", "this key"),
        (
            'bands.mild_from = { value = 3, citation = "us", tag = "V" }',
            "bands.mild_from.citation",
            "'us'",
            "site",
        ),
    ],
)
def test_what_is_inconsistent_is_refused_by_key_with_what_was_found_and_what_is_accepted(
    line: str, key: str, found: str, accepted: str
) -> None:
    text = line + "\n" + HEAD
    with pytest.raises(ConfigurationError) as refused:
        parse_rulebook(text)
    assert f"rulebook: {key}" in refused.value.message
    assert found in refused.value.message
    assert accepted in refused.value.message


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (of_the_site("urgent.jaundice.bilirubin", "1e999999999"), "urgent.jaundice.bilirubin.value"),
        (of_the_site("urgent.jaundice.bilirubin", "1e7"), "urgent.jaundice.bilirubin.value"),
        (of_the_site("urgent.jaundice.bilirubin", "3." + "0" * 30 + "1"), "urgent.jaundice.bilirubin.value"),
        (of_the_site("urgent.jaundice.bilirubin", "0x" + "f" * 5000), "urgent.jaundice.bilirubin.value"),
        (of_the_site("urgent.jaundice.bilirubin", "9" * 5000), "not TOML"),
        (of_the_site("bands.mild_from", "1e-400"), "bands.mild_from.value"),
        (of_the_site("follow_up.recheck_days.borderline", "99999999999"), "recheck_days.borderline.value"),
        (of_the_site("persistence.months", "1000000"), "persistence.months.value"),
        (of_the_site("sustained_rise.p_value", "1e-400"), "sustained_rise.p_value.value"),
        (of_the_site("sustained_rise.exact_up_to", "100000"), "sustained_rise.exact_up_to.value"),
        (of_the_site("change.z", "1000000"), "change"),
        ('urgent.jaundice.bilirubin = { value = 4, citation = ["site"], tag = "V" }', "bilirubin.citation"),
        ('urgent.jaundice.bilirubin = { value = 4, citation = { a = 1 }, tag = "V" }', "bilirubin.citation"),
        ("limits.policy = 0x" + "f" * 5000, "limits.policy"),
        ("a = " + "[" * 5000 + "]" * 5000, "not TOML"),
    ],
)
def test_what_no_computer_could_judge_by_is_refused_by_key_like_everything_else(
    given: str, named: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_rulebook(HEAD.replace("[citations]", f"{given}\n[citations]"))
    assert named in refused.value.message


@pytest.mark.parametrize("reference", ["a\\u0000b", "a\\u0007b", "a\\u001b[2Jb"])
def test_a_reference_that_no_database_or_page_could_show_is_refused(reference: str) -> None:
    with pytest.raises(ConfigurationError, match=r"citations\.odd"):
        parse_rulebook(HEAD + f'odd = "{reference}"\n')


@pytest.mark.parametrize("key", ["", " ", "a\\u0000b", "a\\nb"])
def test_the_name_of_a_citation_can_be_shown(key: str) -> None:
    with pytest.raises(ConfigurationError, match="citations"):
        parse_rulebook(HEAD + f'"{key}" = "A reference."\n')


def test_everything_that_is_wrong_is_said_at_once() -> None:
    wrong = "\n".join((of_the_site("baseline.days", 0), of_the_site("limits.policy", '"ours"'), "bands = 3"))
    with pytest.raises(RulebookRefused) as refused:
        parse_rulebook(wrong + "\n" + HEAD)
    assert [each.split(":")[1].strip() for each in refused.value.problems] == [
        "limits.policy.value",
        "bands",
        "baseline.days.value",
    ]


@pytest.mark.parametrize(
    ("old", "new", "named", "accepted"),
    [
        ('parent = "2026.1"', 'parent = "1999.9"', "parent: found '1999.9'", "2026.1"),
        ('parent = "2026.1"', "parent = 2026.1", "parent: found 2026.1", "the version of another rulebook"),
        ('parent = "2026.1"', 'parent = "../2026.1"', "parent: found '../2026.1'", "the version of"),
        (
            'version = "2026.1-clinic"',
            'version = "2026.1"',
            "version: found '2026.1'",
            "a version of its own",
        ),
        ('released = "2026-12-01"', 'released = "soon"', "released: found 'soon'", "a date"),
        ("site =", "acg-2017 =", "citations.acg-2017", "a key that the parent does not use"),
    ],
)
def test_a_head_that_cannot_be_used_is_refused(old: str, new: str, named: str, accepted: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_rulebook(HEAD.replace(old, new))
    assert named in refused.value.message
    assert accepted in refused.value.message


def test_a_table_that_a_parent_leaves_empty_is_kept_empty(tmp_path: Path) -> None:
    whole = load_rulebook().text.replace('version = "2026.1"', 'version = "own"')
    (tmp_path / "own.toml").write_text(re.sub(r"(?<=_most]\n)(.+\n)+", "", whole), encoding="utf-8")
    ward = tmp_path / "ward.toml"
    ward.write_text('version = "ward"\nparent = "own"', encoding="utf-8")
    ours = load_rulebook(ward)
    assert ours.rules.plausibility.at_most == {}
    assert parse_rulebook(ours.text, lambda _: None).digest == ours.digest


def test_the_example_in_the_readme_can_be_used() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    example, texts = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    ours = parse_rulebook(f"{example}\n{texts}")
    assert [each.path for each in differences(RULEBOOK, ours)] == [
        "limits.policy",
        "urgent.jaundice.bilirubin",
        "texts.come-for-the-recheck.en",
    ]


def test_a_ward_may_write_over_the_hospitals_rulebook_beside_it(tmp_path: Path) -> None:
    (tmp_path / "2026.1-clinic.toml").write_text(SITE, encoding="utf-8")
    ward = tmp_path / "ward.toml"
    ward.write_text(
        of_the_site("change.cva", 5) + '\nversion = "ward-1"\nparent = "2026.1-clinic"', encoding="utf-8"
    )
    ours = load_rulebook(ward)
    assert ours.rules.change.cva == 5
    assert ours.rules.limits.policy is UlnPolicy.GUIDELINE
    assert [each.version for each in ours.history] == ["ward-1", "2026.1-clinic", "2026.1"]
    assert parse_rulebook(ours.text, lambda _: None).digest == ours.digest


def test_rulebooks_that_name_each_other_are_refused(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{one}.toml").write_text(f'version = "{one}"\nparent = "{other}"', encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match="parent: found 'a'; accepted: a rulebook that is not itself"
    ):
        load_rulebook(tmp_path / "a.toml")


def test_a_file_beside_that_states_another_version_is_no_parent(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(SITE, encoding="utf-8")
    ward = tmp_path / "ward.toml"
    ward.write_text('version = "ward-1"\nparent = "other"', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="the version that its file states"):
        load_rulebook(ward)


def test_one_citation_has_one_meaning_at_every_level(tmp_path: Path) -> None:
    (tmp_path / "2026.1-clinic.toml").write_text(SITE, encoding="utf-8")
    ward = tmp_path / "ward.toml"
    ward.write_text(
        'version = "ward-1"\nparent = "2026.1-clinic"\ncitations.site = "another text"', encoding="utf-8"
    )
    with pytest.raises(ConfigurationError, match=r"citations\.site"):
        load_rulebook(ward)
