"""The hazard log is held to the code: what it says is there, and every risk that is left was accepted.

Nothing is run here: that the tests it names pass is the suite's to show.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from deploy.safety.hazards import ACCEPTED, PAGE, Hazard, page, read
from service.metrics import FeedStanding, Standing, exposition

ROOT = Path(__file__).parents[1]
LOG = read()
HAND_OVER = (ROOT / "deploy" / "hand-over.md").read_text(encoding="utf-8")
ITEM = re.compile(r'^### <a id="(\w+)"></a>(\w+)\. .+$', re.MULTILINE)
NOT_RUN = frozenset({"skip", "xfail", "bench"})
"""Marks of tests that prove nothing in CI. Those of public data (`skipif`) are run wherever the data are."""

every_hazard = pytest.mark.parametrize("hazard", LOG.hazards, ids=lambda hazard: hazard.id)


def items() -> dict[str, str]:
    """What the hand-over says, by item."""
    _, *found = re.split(r"^### .*$", HAND_OVER, flags=re.MULTILINE)
    return dict(zip((name for _, name in ITEM.findall(HAND_OVER)), found, strict=True))


def marks(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The names of the marks of pytest on a test."""
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Attribute):
            yield called.attr


@cache
def run_in(path: Path) -> frozenset[str]:
    """The tests that CI runs of a file, as they are named in pytest's node ids; one with parameters once."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for each in tree.body:
        named = isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "pytestmark"
        if named and NOT_RUN & {*re.findall(r"\bmark\.(\w+)", ast.unparse(each))}:
            return frozenset()
    return frozenset(_named(tree.body))


def _named(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if NOT_RUN & {*marks(node)}:
            continue
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from (f"{node.name}::{name}" for name in _named(node.body))
        elif not isinstance(node, ast.ClassDef) and node.name.startswith("test_"):
            yield node.name


def is_run(node_id: str) -> bool:
    """Whether there is such a test, or a test file with tests in it."""
    name, _, within = node_id.partition("::")
    path = ROOT / name
    if not (path.is_file() and path.name.startswith("test_") and path.is_relative_to(ROOT / "tests")):
        return False
    return within in run_in(path) if within else bool(run_in(path))


# ------------------------------------------------------------------------------------------------ each hazard


@every_hazard
def test_a_hazard_says_how_it_comes_about_and_whom_it_harms(hazard: Hazard) -> None:
    assert hazard.causes
    assert hazard.group
    for said in (hazard.title, hazard.effect, *hazard.causes):
        assert len(said.split()) > 1, said


@every_hazard
def test_every_control_is_in_the_code_and_proved_by_tests_that_are_run(hazard: Hazard) -> None:
    for control in hazard.controls:
        assert control.code, control.does
        assert [each for each in control.code if not (ROOT / each).is_file()] == []
        assert control.proof, control.does
        assert [each for each in control.proof if not is_run(each)] == []
        assert max(Counter([*control.code, *control.proof]).values()) == 1


@every_hazard
def test_no_hazard_is_without_a_control_or_a_duty_of_the_site(hazard: Hazard) -> None:
    assert hazard.controls or hazard.duties
    assert [duty.item for duty in hazard.duties if duty.item not in items()] == []


@every_hazard
def test_what_is_left_of_a_risk_is_no_more_than_there_was_and_accepted(hazard: Hazard) -> None:
    left = LOG.matrix.level(hazard.residual)
    assert left <= LOG.matrix.level(hazard.initial)
    assert left <= ACCEPTED
    assert bool(hazard.reason) == (left == ACCEPTED), "the greatest level that is accepted needs a reason"


# ----------------------------------------------------------------------------------------------- all together


def test_no_number_is_given_twice() -> None:
    numbers = [hazard.id for hazard in LOG.hazards]
    assert max(Counter(numbers).values()) == 1
    assert [each for each in numbers if not re.fullmatch(r"H\d{2}", each)] == []


def test_hazards_of_one_group_stand_together() -> None:
    groups = [hazard.group for hazard in LOG.hazards]
    assert groups == sorted(groups, key=groups.index)


def test_a_risk_is_no_smaller_where_it_is_graver_or_likelier() -> None:
    levels = LOG.matrix.levels
    assert [len(row) for row in levels] == [len(LOG.matrix.severities)] * len(LOG.matrix.likelihoods)
    for table in (levels, [*zip(*levels, strict=True)]):
        assert all([*row] == sorted(row) for row in table)
    assert {str(level) for row in levels for level in row} == set(LOG.matrix.acceptance)


def test_the_page_says_what_the_log_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(LOG), "run `make safety`"


def test_a_test_that_is_not_there_or_not_run_proves_nothing(tmp_path: Path) -> None:
    here = Path(__file__).relative_to(ROOT).as_posix()
    assert is_run(here)
    assert is_run(f"{here}::test_no_number_is_given_twice")
    for wrong in (f"{here}::test_nothing", f"{here}::items", "tests/conftest.py", "tests/test_nowhere.py"):
        assert not is_run(wrong)
    path = tmp_path / "test_marked.py"
    path.write_text(
        "class TestIt:\n    def test_within(self): ...\n"
        "@pytest.mark.parametrize('n', [1, 2])\nasync def test_with_parameters(n): ...\n"
        "@pytest.mark.skip\ndef test_skipped(): ...\n"
        "@pytest.mark.xfail(reason='later')\ndef test_failing(): ...\n"
    )
    assert run_in(path) == {"TestIt::test_within", "test_with_parameters"}
    measured = tmp_path / "test_measured.py"
    measured.write_text("pytestmark = [pytest.mark.bench]\ndef test_speed(): ...\n")
    assert run_in(measured) == frozenset()


# ---------------------------------------------------------------------------------------------- the hand-over


def test_every_item_of_the_hand_over_has_a_command_that_shows_it_and_answers_a_hazard() -> None:
    named = [name for _, name in ITEM.findall(HAND_OVER)]
    assert [anchor for anchor, _ in ITEM.findall(HAND_OVER)] == [name.lower() for name in named]
    assert max(Counter(named).values()) == 1
    block = re.compile(r"^```\n.+?^```$", re.MULTILINE | re.DOTALL)
    assert [name for name, text in items().items() if not block.search(text)] == []
    assert set(named) == {duty.item for hazard in LOG.hazards for duty in hazard.duties}


def test_every_alarm_of_the_hand_over_is_on_a_metric_that_there_is() -> None:
    standing = Standing(
        quarantine={"unknown-unit": 1},
        alerts={("open", "urgent"): 1},
        overdue=0,
        unjudged=0,
        rejudging=False,
        outbox_pending=0,
        outbox_failing=0,
        outbox_dead=0,
        outbox_cancelled=0,
        outbox_oldest_seconds=0,
        writer_alive=True,
        feeds={"hospital": FeedStanding(0, 0, stale=False, lost=0)},
    )
    told = set(re.findall(r"^# TYPE (\w+)", exposition(standing).decode(), re.MULTILINE))
    named = set(re.findall(r"\b(liverwatch_\w+)", HAND_OVER))
    assert len(named) > 10
    assert named - told == set()
