"""`liverwatch population`: files that `liverwatch load` takes, the same bytes for the same numbers."""

import gzip
import json
from pathlib import Path

import pytest

from tests.commands import Run

NUMBERS = ("--patients", 40, "--seed", 6, "--day", "2026-03-02")


@pytest.fixture
def here(run: Run, tmp_path: Path) -> Path:
    assert run("population", *NUMBERS, "--out", tmp_path / "made").code == 0
    return tmp_path / "made"


def test_there_is_one_compressed_file_of_lines_for_each_type(here: Path) -> None:
    names = {path.name for path in here.iterdir()}
    assert {"Patient.ndjson.gz", "Observation.ndjson.gz", "Condition.ndjson.gz"} <= names
    for path in here.iterdir():
        kinds = {json.loads(each)["resourceType"] for each in gzip.decompress(path.read_bytes()).splitlines()}
        assert kinds == {path.name.removesuffix(".ndjson.gz")}


def test_the_same_numbers_give_the_same_bytes(run: Run, here: Path, tmp_path: Path) -> None:
    counted = run("population", *NUMBERS, "--out", tmp_path / "again", "--json").json
    for path in here.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
        lines = gzip.decompress(path.read_bytes()).splitlines()
        assert counted[path.name.removesuffix(".ndjson.gz")] == len(lines)
    assert counted["Patient"] == 40


def test_it_is_loaded_whole_and_judged(run: Run, here: Path) -> None:
    loaded = run("load", here, "--json").json
    assert loaded["judged"] == 40
    assert loaded["rejected"] == 0
    assert loaded["failed"] == 0
    assert set(loaded["ignored"]) <= {"other-code"}
    assert sum(loaded["quarantined"].values()) <= 2
    assert loaded["alerts"]["routine"] > 0


def test_a_place_that_cannot_be_written_to_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = run("population", "--patients", 1, "--out", tmp_path / "file")
    assert refused.code == 1
    assert "file" in refused.err
