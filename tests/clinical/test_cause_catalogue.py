"""Every cause has a title, next steps, a course and a source that a reader can look up."""

import re

import pytest

from service.clinical.catalogues.causes import KnownCause, known_causes
from service.clinical.causes.cause import CauseName
from service.clinical.recommendations import LONGEST_NAME, orderables
from service.clinical.rulebook_reader import TAGS

every_cause = pytest.mark.parametrize("cause", known_causes().values(), ids=lambda each: each.name.value)


def test_every_cause_is_described_in_the_order_in_which_they_are_told() -> None:
    assert list(known_causes()) == list(CauseName)


@every_cause
def test_it_is_said_what_it_is_called_how_it_goes_on_and_who_says_so(cause: KnownCause) -> None:
    for told in (cause.title, cause.course, cause.recheck, cause.source):
        assert told.strip()
    assert cause.tag in TAGS


@every_cause
def test_its_steps_have_names_that_can_be_part_of_an_identifier(cause: KnownCause) -> None:
    assert cause.next_steps
    for step in (*cause.next_steps, *cause.once_likely):
        assert re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", step)
        assert len(step) <= LONGEST_NAME


@every_cause
def test_that_the_first_step_of_a_cause_was_done_can_be_seen_where_others_wait_for_it(
    cause: KnownCause,
) -> None:
    if cause.once_likely:
        assert orderables()[cause.next_steps[0]].done_by
