"""`liverwatch patient hold|release|holds` and `liverwatch database erase-expired`."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from service.store import erasing
from service.store.schema import alert, patient, resource
from service.store.session import reading, writing
from tests.commands import Run, audited
from tests.liver_files import persistent, person, write_lines

LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def loaded(run: Run, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people of long ago whose alerts are over."""
    given = [person("p1"), *persistent("p1"), person("p2"), *persistent("p2")]
    assert run("load", write_lines(tmp_path / "given.ndjson", given), "--source", "clinic").code == 0
    with writing(engine) as connection:
        connection.execute(update(resource).values(received=LONG_AGO))
        connection.execute(update(alert).values(state="resolved"))
    monkeypatch.setenv("LIVERWATCH_RETENTION_YEARS", "1")


def there(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(select(patient.c.fhir_id).order_by(patient.c.id)).scalars())


def test_a_dry_run_counts_and_erases_nothing(run: Run, engine: Engine) -> None:
    run("patient", "hold", "p1", "--reason", "Case 7")
    told = run("database", "erase-expired", "--dry-run")
    assert (told.code, told.out) == (0, "1 records would be erased\n")
    assert told.err == "old too, and kept: 1 held\n"
    assert there(engine) == ["p1", "p2"]


def test_what_is_held_stays_until_it_is_released(run: Run, engine: Engine) -> None:
    run("patient", "hold", "p1", "--reason", "Case 7")
    assert run("database", "erase-expired", "--json").json == {
        "erased": True,
        "records": {"due": 1, "held": 1},
        "leftovers": {"nobodys": 0},
        "failed": 0,
    }
    assert there(engine) == ["p1"]
    assert run("patient", "release", "p1").out == "released\n"
    assert run("database", "erase-expired").out == "1 records were erased\n"
    assert there(engine) == []
    assert [each for each in audited(engine) if each != "read-holds"][-4:] == [
        *("hold", "erase"),
        *("hold-release", "erase"),
    ]


def test_where_a_record_could_not_be_erased_the_exit_code_tells(
    run: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("p1")

    monkeypatch.setattr(erasing, "erase", fail)
    told = run("database", "erase-expired")
    assert (told.code, told.out) == (1, "0 records were erased\n")
    assert "2 failed" in told.err
    assert "p1" not in told.err
    assert there(engine) == ["p1", "p2"]


def test_holds_are_listed_by_opaque_ids_and_that_is_audited(run: Run, engine: Engine) -> None:
    made = run("patient", "hold", "p1", "--reason", "Case 7").out.strip()
    (held,) = run("patient", "holds", "--json").json
    assert (held["hold"], held["source"], held["reason"]) == (made, "clinic", "Case 7")
    assert "p1" not in str(held)
    assert "Case 7" in run("patient", "holds").out
    assert audited(engine).count("read-holds") == 2


def test_of_several_holds_one_has_to_be_named(run: Run) -> None:
    first = run("patient", "hold", "p1", "--reason", "Case 7").out.strip()
    run("patient", "hold", "p1", "--reason", "Case 8")
    refused = run("patient", "release", "p1")
    assert (refused.code, refused.out) == (1, "")
    assert "several holds" in refused.err
    assert run("patient", "release", "p1", "--hold", first).code == 0
    assert run("patient", "release", "p1", "--hold", first).code == 1
    (left,) = run("patient", "holds", "--json").json
    assert left["reason"] == "Case 8"


def test_without_a_setting_there_is_nothing_to_erase(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVERWATCH_RETENTION_YEARS")
    told = run("database", "erase-expired")
    assert told.code == 1
    assert "kept for ever" in told.err


@pytest.mark.parametrize("years", ["0", "-3", "ten"])
def test_a_time_of_retention_that_cannot_be_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, years: str
) -> None:
    monkeypatch.setenv("LIVERWATCH_RETENTION_YEARS", years)
    told = run("database", "erase-expired")
    assert told.code == 1
    assert "LIVERWATCH_RETENTION_YEARS" in told.err


def test_the_replay_of_an_erased_alert_says_that_it_was_erased(run: Run, engine: Engine) -> None:
    with reading(engine) as connection:
        alert_id = connection.execute(select(alert.c.id).limit(1)).scalar_one()
    run("database", "erase-expired")
    told = run("replay", "--alert", str(alert_id))
    assert told.code == 1
    assert "this record was erased on" in told.err
    assert run("replay", "--all").out == "0 of 0 decisions identical\n"
