"""A difference is told by episode, finding or step, by the field, and by both values; nothing else is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from service.clinical.assess import assess
from service.clinical.episodes import Assessment, Episode, Tier
from service.clinical.results import PatientRecord
from service.quality.differences import Difference, differences
from service.store.decisions import Outcome
from tests.clinical.records import ALT, DAY_0, RULEBOOK, TBIL, result

RECORD = PatientRecord(
    [*(result(ALT, day, 120, key=f"a{day}") for day in (0, 100, 200, 300)), result(TBIL, 300, 30, key="b")]
)
WHOLE = assess(RECORD, RULEBOOK, datetime(2020, 11, 1, tzinfo=UTC))
EPISODE = f"episodes transaminase {DAY_0}"


def differing(after: Assessment, before: Assessment = WHOLE) -> list[Difference]:
    return differences(Outcome.of(before).text, Outcome.of(after).text)


def lasting(**changes: object) -> Assessment:
    """The assessment with another first episode, the lasting one of ALT."""
    return replace(WHOLE, episodes=[replace(first(), **changes), *WHOLE.episodes[1:]])  # type: ignore[arg-type]


def first() -> Episode:
    return WHOLE.episodes[0]


def test_the_same_differs_in_nothing() -> None:
    assert first().plan.steps
    assert differing(WHOLE) == []


def test_a_field_of_a_finding_is_told_with_both_its_values() -> None:
    found = first().findings[0]
    changed = lasting(findings=(replace(found, tier=Tier.URGENT), *first().findings[1:]))
    where = f"{EPISODE} > findings {found.kind} ALT {found.first} > tier"
    assert differing(changed) == [Difference(where, str(int(found.tier)), "3")]


def test_a_step_that_is_no_longer_asked_for_is_told_alone() -> None:
    step, *others = first().plan.steps
    (told,) = differing(lasting(plan=replace(first().plan, steps=tuple(others))))
    assert told.where == f"{EPISODE} > plan > steps {step.name}"
    assert f"due {step.due}" in str(told.before)
    assert told.after is None


def test_a_step_that_moves_is_told_by_its_days() -> None:
    step, *others = first().plan.steps
    moved = replace(step, due=step.due + timedelta(days=1))
    (told,) = differing(lasting(plan=replace(first().plan, steps=(moved, *others))))
    assert told == Difference(f"{EPISODE} > plan > steps {step.name} > due", str(step.due), str(moved.due))


def test_a_result_that_is_no_evidence_any_more_is_told_by_its_key() -> None:
    (told,) = differing(lasting(evidence=first().evidence - {RECORD.results[1].key}))
    assert told == Difference(f"{EPISODE} > evidence lab a100", "lab a100", None)


def test_an_episode_that_is_gone_or_new_is_told_as_a_whole() -> None:
    without = replace(WHOLE, episodes=WHOLE.episodes[1:])
    (gone,) = differing(without)
    (new,) = differing(WHOLE, before=without)
    assert (gone.where, gone.after) == (EPISODE, None)
    assert (new.where, new.before) == (EPISODE, None)
    assert gone.before == new.after
    assert "family transaminase" in str(gone.before)


def test_the_same_in_another_order_is_told_as_such() -> None:
    steps = first().plan.steps
    (told,) = differing(lasting(plan=replace(first().plan, steps=steps[::-1])))
    assert told.where == f"{EPISODE} > plan > order of steps"
    assert told.before == ", ".join(step.name for step in steps)


def test_a_field_that_only_one_release_knows_is_told_even_where_it_says_nothing() -> None:
    text = Outcome.of(WHOLE).text
    known = text.replace(b'"trend":', b'"novelty":null,"trend":', 1)
    assert differences(text, known) == [Difference(f"{EPISODE} > novelty", None, "null")]
    assert differences(known, text) == [Difference(f"{EPISODE} > novelty", "null", None)]
