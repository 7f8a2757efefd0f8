"""Every finding has a rule that a reader can look up, and it speaks of what there is."""

import pytest

from service.clinical.catalogues.rules import Rule, attributes, rules
from service.clinical.recommendations import orderables
from service.fhir.names import FINDINGS
from tests.clinical.records import RULEBOOK

every_rule = pytest.mark.parametrize("rule", rules().values(), ids=lambda rule: rule.code)


def test_every_finding_that_is_written_to_an_ehr_has_its_rule() -> None:
    assert {code: rule.title for code, rule in rules().items()} == FINDINGS


@every_rule
def test_every_entry_it_names_is_in_the_rulebook(rule: Rule) -> None:
    assert rule.entries
    for wanted in rule.entries:
        assert any(f"{path}.".startswith(f"{wanted}.") for path in RULEBOOK.entries), wanted


@every_rule
def test_who_reads_whose_limit_counts_also_reads_how_far_the_laboratorys_is_believed(rule: Rule) -> None:
    bounds = {"limits.laboratory_at_least", "limits.laboratory_at_most"}
    assert set(rule.entries_in(RULEBOOK)) >= bounds or "limits.policy" not in rule.entries


@every_rule
def test_every_step_it_asks_for_is_in_the_catalogue_of_orders(rule: Rule) -> None:
    assert rule.orders
    assert {*rule.orders, *rule.work_up} <= set(orderables())
    assert not set(rule.orders) & set(rule.work_up)


def test_every_step_there_is_is_asked_for_by_some_rule() -> None:
    assert {name for rule in rules().values() for name in (*rule.orders, *rule.work_up)} == set(orderables())


@every_rule
def test_it_says_for_whom_from_what_and_where_it_ends(rule: Rule) -> None:
    for said in (rule.inputs, rule.users, rule.population, rule.limits, rule.gaps, (rule.words,)):
        assert said
        assert all(len(each.split()) > 1 for each in said)


def test_a_path_does_not_stand_for_another_that_only_begins_like_it() -> None:
    found = rules()["severe-elevation"].entries_in(RULEBOOK)
    assert list(found)[:2] == ["urgent.severe_elevation.multiple", "urgent.severe_elevation.value"]
    assert set(rules()["severe-elevation"].citations_in(RULEBOOK)) == {"acg-2017", "liverwatch-2026"}


def test_the_attributes_that_the_rulebook_does_not_say_itself_are_there() -> None:
    assert len(attributes()) == 11
