"""Figures as rows: complete, masked, and safe to open in a spreadsheet."""

import csv
import io
from pathlib import Path

import pytest
from arro3.io import read_parquet
from sqlalchemy import Engine

from service.errors import ConfigurationError
from service.quality.measures import evaluate, exporting
from service.quality.measures.exporting import Row
from service.store.session import reading
from tests.quality.measured_clinic import MeasuredClinic, happened


@pytest.fixture
def clinic(engine: Engine) -> MeasuredClinic:
    made = MeasuredClinic(engine)
    happened(made)
    return made


def rows(clinic: MeasuredClinic, smallest: int) -> list[Row]:
    with reading(clinic.engine) as connection:
        question = clinic.question()
        return list(exporting.rows(evaluate(connection, question), question, smallest))


def test_every_total_month_stratum_and_reason_is_a_row(clinic: MeasuredClinic) -> None:
    every = rows(clinic, 1)
    of_overrides = [row for row in every if row.measure == "overrides"]
    kinds = dict.fromkeys(row.dimension for row in of_overrides)
    own = ("tier", "family", "rule", "reason")
    assert list(kinds) == ["total", "month", "source", "sex", "age", "ethnicity", "language", *own]
    total = of_overrides[0]
    assert total == Row(
        "overrides", "2026-01-01", "2026-06-30", "total", "", False, 2, 7, 2 / 7, None, None, None
    )


def test_small_cells_are_masked_with_everything_they_say(clinic: MeasuredClinic) -> None:
    every = rows(clinic, 5)
    assert every
    for row in every:
        if row.masked:
            assert (row.numerator, row.denominator, row.rate, row.median, row.p90) == (None,) * 5
        else:
            counts = (row.numerator, row.denominator)
            assert None not in counts
            assert not any(0 < (count or 0) < 5 for count in counts)


def test_a_text_that_a_spreadsheet_would_run_is_only_a_text(clinic: MeasuredClinic) -> None:
    clinic.person("p1", ethnicity='=HYPERLINK("x")')
    told = list(csv.reader(io.StringIO(exporting.as_csv(rows(clinic, 1)))))
    assert told[0] == list(Row._fields)
    strata = {line[4] for line in told if line[3] == "ethnicity"}
    assert '\'=HYPERLINK("x")' in strata


def test_parquet_holds_the_same_figures_in_columns_of_their_types(
    clinic: MeasuredClinic, tmp_path: Path
) -> None:
    every = rows(clinic, 5)
    exporting.write_parquet(every, tmp_path / "measures.parquet")
    table = read_parquet(tmp_path / "measures.parquet").read_all()
    assert table.column_names == list(Row._fields)
    for name in Row._fields:
        assert table[name].to_pylist() == [getattr(row, name) for row in every]
    with pytest.raises(ConfigurationError):
        exporting.write_parquet(every, tmp_path / "nowhere" / "measures.parquet")
