"""`liverwatch measures`: the figures as text, JSON, CSV and Parquet, always masked, always audited."""

import csv
import io
from pathlib import Path

import pytest
from arro3.io import read_parquet
from sqlalchemy import Engine

from tests.commands import Run, audited
from tests.quality.measured_clinic import MeasuredClinic, happened

PERIOD = ("--from", "2026-01-01", "--to", "2026-06-30")


@pytest.fixture(autouse=True)
def clinic(engine: Engine) -> MeasuredClinic:
    made = MeasuredClinic(engine)
    happened(made)
    return made


def test_text_names_each_measure_and_masks_what_is_small(run: Run) -> None:
    told = run("measures", *PERIOD)
    assert told.code == 0
    (overrides,) = [line.split() for line in told.out.splitlines() if line.startswith("Alerts overridden")]
    assert overrides == ["Alerts", "overridden", "total", "*", "*", "*", "*", "*", "-"]
    assert "too few to be shown" in told.out


def test_one_measure_is_told_with_its_months_and_strata(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVERWATCH_SMALLEST_CELL", "1")
    told = run("measures", "overrides", *PERIOD, "--source", "clinic").out
    lines = [line.removeprefix("Alerts overridden").split() for line in told.splitlines()[1:]]
    # A, B, C, D, E and I of the clinic; B and E were overridden.
    assert lines[0] == ["total", "2", "6", "33.3%", "-", "-", "-"]
    assert ["source", "clinic", "2", "6", "33.3%", "-", "-", "-"] in lines
    assert ["reason", "wrong", "data", "1", "6", "16.7%", "-", "-", "-"] in lines


def test_json_and_csv_and_parquet_hold_the_same_rows(run: Run, tmp_path: Path) -> None:
    rows = run("measures", *PERIOD, "--json").json
    told = list(csv.DictReader(io.StringIO(run("measures", *PERIOD, "--csv").out)))
    assert len(rows) == len(told) > 100
    assert [row["stratum"] for row in rows] == [line["stratum"] for line in told]
    path = tmp_path / "measures.parquet"
    assert run("measures", *PERIOD, "--parquet", path).code == 0
    assert read_parquet(path).read_all()["measure"].to_pylist() == [row["measure"] for row in rows]


def test_who_read_them_is_audited(run: Run, engine: Engine) -> None:
    run("measures", "overrides", *PERIOD)
    assert audited(engine) == ["read-measures"]


@pytest.mark.parametrize(
    "wrong", [("happiness",), ("--source", "nowhere"), ("--from", "2026-02-01", "--to", "2026-01-01")]
)
def test_what_there_is_not_is_refused(run: Run, wrong: tuple[str, ...]) -> None:
    refused = run("measures", *wrong)
    assert refused.code == 1
    assert refused.err.startswith("liverwatch: ")
