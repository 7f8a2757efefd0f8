"""`liverwatch source export`: a whole EHR in one command, though it is killed in the middle."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx2
import pytest
from sqlalchemy import func, select

from service.simulated_ehr.server import Hospital, Options
from service.simulated_ehr.styles import STYLES
from service.store import exports, sources
from service.store.schema import resource
from service.store.session import open_engine, reading
from tests.commands import Run
from tests.liver_files import persistent, person
from tests.simulated_ehr.serving_here import hospital

PEOPLE = 400
RESOURCES = PEOPLE * 5


@pytest.fixture(scope="module")
def full() -> Iterator[tuple[httpx2.Client, Hospital]]:
    """An EHR with some thousand resources, in twenty files."""
    with hospital(Options(style=STYLES["hapi"])) as (ehr, simulated):
        for number in range(PEOPLE):
            for each in (person(f"p{number}"), *persistent(f"p{number}", 30 + number % 60)):
                simulated.records.put({**each, "meta": {}})
        simulated.records.take_changes()
        yield ehr, simulated


def base(full: tuple[httpx2.Client, Hospital]) -> str:
    return str(full[0].base_url)


def add(run: Run, full: tuple[httpx2.Client, Hospital], *more: str) -> None:
    assert run("source", "add", "hospital", "--fhir-base-url", base(full), *more).code == 0


def state(url: str) -> tuple[int, int, int]:
    """Resources, people and their revisions."""
    from service.store.schema import patient

    engine = open_engine(url, durable=False)
    with reading(engine) as connection:
        found = (
            connection.execute(select(func.count()).select_from(resource)).scalar_one(),
            connection.execute(select(func.count()).select_from(patient)).scalar_one(),
            connection.execute(
                select(func.count()).where(patient.c.revision != patient.c.judged_revision)
            ).scalar_one(),
        )
    engine.dispose()
    return found


def test_a_whole_ehr_is_loaded_and_catch_up_goes_on_from_there(
    run: Run, full: tuple[httpx2.Client, Hospital], database_url: str
) -> None:
    add(run, full)
    done = run("source", "export", "hospital", "--json")
    found = done.json
    assert (found["read"], found["stored"], found["complete"]) == (RESOURCES, RESOURCES, True)
    assert found["files"] == RESOURCES / 100
    assert found["alerts"]["routine"] > 100
    assert "catch-up goes on from" in done.err
    assert full[1].exports.jobs == {}
    assert state(database_url) == (RESOURCES, PEOPLE, 0)


@pytest.mark.parametrize("sort", ["by-types", "by-group"])
def test_parts_of_it_can_be_asked_for(run: Run, full: tuple[httpx2.Client, Hospital], sort: str) -> None:
    add(run, full)
    if sort == "by-types":
        found = run("source", "export", "hospital", "--type", "Patient", "--json").json
        assert found["stored"] == PEOPLE
        return
    members = [{"entity": {"reference": f"Patient/p{number}"}} for number in range(10)]
    full[1].records.put({"resourceType": "Group", "id": "g", "member": members})
    done = run("source", "export", "hospital", "--group", "g")
    assert done.code == 0
    assert "stored       50" in done.out
    assert "a Group may not be everybody" in done.err


def test_killed_in_the_middle_it_goes_on_with_the_same_export_and_doubles_nothing(
    run: Run, full: tuple[httpx2.Client, Hospital], database_url: str
) -> None:
    _, simulated = full
    add(run, full)
    begun = simulated.exports.begun
    first = subprocess.Popen(
        [sys.executable, "-m", "service", "source", "export", "hospital"],
        env=os.environ | {"LIVERWATCH_DATABASE_URL": database_url, "LIVERWATCH_CLOCK": "data"},
        stdout=subprocess.DEVNULL,
    )
    read = _wait_for_files(database_url, first, 3)
    first.kill()
    first.wait()
    assert run("source", "status", "hospital", "--json").json["export"]["files_read"] >= read
    (job,) = simulated.exports.jobs.values()
    found = run("source", "export", "hospital", "--json").json
    assert simulated.exports.begun == begun + 1
    assert found["files_before"] >= read
    assert found["files_before"] + found["files"] == RESOURCES / 100
    assert sum(job.fetched.values()) <= RESOURCES / 100 + 1  # the one under way, once more
    assert state(database_url) == (RESOURCES, PEOPLE, 0)
    assert run("source", "status", "hospital", "--json").json["export"] is None


def _wait_for_files(url: str, process: "subprocess.Popen[bytes]", count: int) -> int:
    engine = open_engine(url, durable=False)
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            assert process.poll() is None, "it ended by itself"
            with reading(engine) as connection:
                source = sources.by_name(connection, "hospital")
                read = exports.count_read(connection, source.id)
            if read >= count:
                return read
            time.sleep(0.01)
    finally:
        engine.dispose()
    raise AssertionError("no files were read")


def test_a_server_that_is_not_there_is_said_so(run: Run) -> None:
    run("source", "add", "hospital", "--fhir-base-url", "http://127.0.0.1:9/fhir")
    done = run("source", "export", "hospital")
    assert done.code == 1
    assert "ConnectError" in done.err
    assert "the same command goes on" in done.err
