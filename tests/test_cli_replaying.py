"""`liverwatch replay`: decisions made again, and what was known on a day, at the keyboard."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, text

from service.store.schema import raw_message
from service.store.session import writing
from tests.commands import Run, audited
from tests.liver_files import persistent, person, result, write_lines


@pytest.fixture
def loaded(run: Run, tmp_path: Path) -> Run:
    lines = [person("p1"), *persistent("p1"), result("q", "p2", "2024-05-01", 30)]
    assert run("load", write_lines(tmp_path / "given.ndjson", lines)).code == 0
    return run


def id_of(run: Run) -> str:
    (alert,) = run("alerts", "--json").json
    return str(alert["id"])


def test_where_all_are_identical_it_ends_with_0(loaded: Run, engine: Engine) -> None:
    ran = loaded("replay", "--all")
    assert (ran.code, ran.out) == (0, "2 of 2 decisions identical\n")
    (alone,) = loaded("replay", "--alert", id_of(loaded)[:8], "--json").json["decisions"]
    assert (alone["verdict"], alone["differences"], alone["damage"]) == ("identical", [], [])
    assert alone["release"] == alone["this_release"]
    assert len(loaded("replay", "--all", "--json").json) == 2
    assert {"replay", "replay-all"} <= set(audited(engine))


def test_where_one_is_not_it_says_which_and_ends_with_1(loaded: Run, engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(
            text("UPDATE decision SET as_of = '2029-01-01 00:00:00+00:00' WHERE patient_id = 1")
        )
    ran = loaded("replay", "--all")
    assert ran.code == 1
    assert ran.out.endswith("1 of 2 decisions identical\n")
    assert "episodes transaminase 2024-01-10 > dormant: False -> True" in ran.out
    alone = loaded("replay", "--alert", id_of(loaded))
    assert alone.code == 1
    assert ": differs\n" in alone.out


def test_what_is_missing_is_named_and_ends_with_1(loaded: Run, engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(delete(raw_message))
    ran = loaded("replay", "--all")
    assert ran.code == 1
    assert "is missing (needed for Observation/p1-2024-01-10)" in ran.out
    assert "not made again: what it was made on is not all there" in ran.out
    assert loaded("replay", "--alert", id_of(loaded), "--as-of", str(datetime.now(UTC).date())).code == 1


def test_what_was_known_on_a_day_is_told(loaded: Run, engine: Engine) -> None:
    alert, today = id_of(loaded), str(datetime.now(UTC).date())
    told = loaded("replay", "--alert", alert, "--as-of", today).out
    assert "rulebook 2026.1; female, born 1970-05-05" in told
    assert "  2024-09-03 ALT 80 U/L" in told
    assert "routine, open: " in told
    (known,) = loaded("replay", "--alert", alert, "--as-of", today, "--json").json
    assert [each["day"] for each in known["results"]][-1] == "2024-09-03"
    assert [(each["tier"], each["state"]) for each in known["alerts"]] == [("routine", "open")]
    before = loaded("replay", "--alert", alert, "--as-of", "2024-09-10")
    assert (before.code, before.out) == (0, "nothing was known yet\n")
    assert "read-as-of" in audited(engine)


@pytest.mark.parametrize(
    "arguments",
    [[], ["--all", "--alert", "1"], ["--as-of", "2024-01-01"], ["--all", "--as-of", "2024-01-01"]],
)
def test_what_to_make_again_must_be_said(run: Run, arguments: list[str]) -> None:
    assert run("replay", *arguments).code == 2


def test_an_alert_that_is_not_there_is_no_usage_of_it(loaded: Run) -> None:
    assert loaded("replay", "--alert", "00000000").code == 1
