"""`liverwatch load` on real results, and as a process of its own."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.liver_files import persistent, write_lines

ROOT = Path(__file__).parents[1]
EVER_PERSISTENT = {
    ("cdiscpilot", "ALP"): 2,
    ("cdiscpilot", "GGT"): 1,
    ("pbcseq", "ALP"): 138,
    ("pbcseq", "AST"): 135,
    ("pbcseq", "TBIL"): 105,
    ("synthea", "ALT"): 34,
    ("synthea", "ALP"): 8,
}
RISES = {
    ("cdiscpilot", "ALT"): 3,
    ("cdiscpilot", "AST"): 2,
    ("pbcseq", "AST"): 53,
    ("synthea", "ALT"): 19,
}
"""Patients with a worsening by fold-rise or band-step."""
URGENT = {
    ("pbcseq", "cholestatic-jaundice"): 98,
    ("pbcseq", "possible-hys-law"): 23,
    ("pbcseq", "severe-elevation"): 3,
}


def liverwatch(url: str, *arguments: object, code: int = 0) -> Any:
    """The JSON that a command writes, run as a process of its own by the clock of the data."""
    done = subprocess.run(
        [sys.executable, "-m", "service", *map(str, arguments), "--json"],
        cwd=ROOT,
        env={**os.environ, "LIVERWATCH_DATABASE_URL": url, "LIVERWATCH_CLOCK": "data"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def patients_by(findings: list[Any]) -> dict[tuple[str, str], int]:
    """How many patients have a finding of each (source, name): analytes of runs and rises, urgent reasons."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in findings:
        if each["kind"] == "urgent":
            for reason in each["reasons"]:
                found[each["source"], reason].add(each["patient"])
        elif each["kind"] == "persistent":
            found[each["source"], f"{each['analyte']} persistent"].add(each["patient"])
        elif {"fold-rise", "band-step"} & set(each["reasons"]):
            found[each["source"], f"{each['analyte']} rise"].add(each["patient"])
    return {key: len(ids) for key, ids in found.items()}


def without_source(findings: list[Any], *patients: str) -> list[Any]:
    return [each | {"source": None} for each in findings if each["patient"] in patients]


@pytest.mark.slow
def test_real_results_come_to_the_known_numbers_and_bundles_to_the_same(
    database_url: str, shared_data: Path
) -> None:
    for name in ("cdiscpilot", "pbcseq", "synthea"):
        files = sorted(shared_data.glob(f"{name}.*.ndjson.gz"))
        summary = liverwatch(database_url, "load", *files, "--source", name)
        assert summary["quarantined"] == {}
        assert summary["rejected"] == summary["failed"] == 0
        assert summary["patients"] == {"cdiscpilot": 159, "pbcseq": 156, "synthea": 53}[name]
        again = liverwatch(database_url, "load", *reversed(files), "--source", name)
        assert (again["stored"], again["patients"]) == (0, 0)
        assert again["alerts"] == summary["alerts"]
    findings = liverwatch(database_url, "episodes")
    counts = patients_by(findings)
    assert {key: counts[key[0], f"{key[1]} persistent"] for key in EVER_PERSISTENT} == EVER_PERSISTENT
    assert {key: counts[key[0], f"{key[1]} rise"] for key in RISES} == RISES
    assert {key: counts[key] for key in URGENT} == URGENT

    folder = shared_data / "synthea_bundles"
    liverwatch(database_url, "load", folder, "--source", "bundles")
    ids = [each.name.partition(".")[0] for each in sorted(folder.iterdir())]
    by_bundle = liverwatch(database_url, "episodes", "--source", "bundles")
    by_lines = [each for each in findings if each["source"] == "synthea"]
    assert without_source(by_bundle, *ids) == without_source(by_lines, *ids)


def test_a_bundle_comes_out_the_same_as_its_lines(sqlite_url: str, shared_data: Path, tmp_path: Path) -> None:
    (path, *_) = sorted((shared_data / "synthea_bundles").iterdir())
    patient = path.name.partition(".")[0]
    lines = []
    for name in ("Patient", "Observation", "Condition", "MedicationRequest"):
        with gzip.open(shared_data / f"synthea.{name}.ndjson.gz", "rt") as file:
            lines += [line.strip() for line in file if patient in line]
    one = liverwatch(sqlite_url, "load", path, "--source", "bundles")
    other = liverwatch(sqlite_url, "load", write_lines(tmp_path / "a.ndjson", lines), "--source", "lines")
    assert one["stored"] == other["stored"] > 0
    assert one["episodes"] == other["episodes"]
    found = liverwatch(sqlite_url, "episodes", "--patient", patient)
    halves = [[each | {"source": 0} for each in found if each["source"] == s] for s in ("bundles", "lines")]
    assert halves[0] == halves[1]


def test_a_rejected_line_is_exit_code_1_and_the_rest_is_loaded(sqlite_url: str, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.ndjson", ["{", *persistent("p1")])
    summary = liverwatch(sqlite_url, "load", path, code=1)
    assert (
        summary["rejected"],
        summary["stored"],
        summary["alerts"]["routine"] + summary["alerts"]["soon"],
    ) == (1, 4, 1)


def test_ctrl_c_in_the_middle_of_a_load_loses_nothing_that_was_stored(
    database_url: str, tmp_path: Path
) -> None:
    people = 1500
    path = write_lines(tmp_path / "a.ndjson", (each for n in range(people) for each in persistent(f"p{n}")))
    environment = {**os.environ, "LIVERWATCH_DATABASE_URL": database_url, "LIVERWATCH_CLOCK": "data"}
    loading = subprocess.Popen(
        [sys.executable, "-m", "service", "load", str(path), "--json"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_a_row(database_url, loading)
    loading.send_signal(signal.SIGINT)
    out, err = loading.communicate(timeout=60)
    assert loading.returncode == 130, err
    assert "run the same command again" in err
    first = json.loads(out)
    assert first["stopped"]
    again = liverwatch(database_url, "load", path)
    assert again["duplicate"] == first["stored"] == first["read"]
    assert first["stored"] + again["stored"] == people * 4
    assert sum(again["alerts"].values()) == people
    assert len(liverwatch(database_url, "alerts")) == people


def wait_for_a_row(url: str, process: "subprocess.Popen[str]") -> None:
    """Until something has been committed by the process."""
    from sqlalchemy import select

    from service.store.schema import resource
    from service.store.session import open_engine, reading

    engine = open_engine(url)
    try:
        for _ in range(600):
            with reading(engine) as connection:
                if connection.execute(select(resource.c.key).limit(1)).first() is not None:
                    return
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        pytest.fail("nothing was stored for 30 seconds")
    finally:
        engine.dispose()


@pytest.mark.parametrize("times", [2])
def test_two_loads_beside_each_other_come_to_the_same_as_one(
    database_url: str, tmp_path: Path, times: int
) -> None:
    path = write_lines(tmp_path / "a.ndjson", (each for n in range(300) for each in persistent(f"p{n}")))
    environment = {**os.environ, "LIVERWATCH_DATABASE_URL": database_url, "LIVERWATCH_CLOCK": "data"}
    command = [sys.executable, "-m", "service", "load", str(path), "--json"]
    loads = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(times)
    ]
    summaries = [json.loads(each.communicate(timeout=90)[0]) for each in loads]
    assert all(each.returncode == 0 for each in loads)
    assert sum(each["stored"] for each in summaries) == 1200
    assert sum(each["duplicate"] for each in summaries) == 1200
    assert len(liverwatch(database_url, "alerts")) == 300
