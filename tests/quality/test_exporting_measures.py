"""Figures as rows: complete, masked, and safe to open in a spreadsheet."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from arro3.io import read_parquet
from sqlalchemy import Engine

from service.alerts.alert import Action, OverrideReason, State
from service.clinical.episodes import Tier
from service.errors import ConfigurationError
from service.quality.measures import evaluate, exporting
from service.quality.measures.exporting import Row
from service.store.session import reading
from tests.quality.measured_clinic import MeasuredClinic, at_nine, happened


@pytest.fixture
def clinic(engine: Engine) -> MeasuredClinic:
    made = MeasuredClinic(engine)
    happened(made)
    return made


def rows(clinic: MeasuredClinic, smallest: int) -> list[Row]:
    with reading(clinic.engine) as connection:
        question = replace(clinic.question(), smallest=smallest)
        return list(exporting.rows(evaluate(connection, question), question))


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


def row(of: list[Row], measure: str, dimension: str = "total", stratum: str = "") -> Row:
    (only,) = [each for each in of if each[0] == measure and each[3:5] == (dimension, stratum)]
    return only


def test_how_long_one_person_waited_is_not_told_among_twenty_who_wait_still(engine: Engine) -> None:
    clinic = MeasuredClinic(engine)
    for number in range(20):
        clinic.person(f"p{number}")
        alert = clinic.raised(f"p{number}", Tier.URGENT, at_nine(2, 2), State.OPEN)
        if number < 1:
            clinic.decided(alert, Action.ESCALATE, at_nine(2, 4))
    late = row(rows(clinic, 5), "taken-in-time")
    assert (late.masked, late.numerator, late.denominator) == (False, 0, 20)
    assert (late.median, late.p90) == (None, None)
    assert row(rows(clinic, 1), "taken-in-time").median == 48.0


def test_ten_alerts_of_one_person_are_one_person_s(engine: Engine) -> None:
    clinic = MeasuredClinic(engine)
    for number in range(20):
        clinic.person(f"p{number}")
        clinic.raised(f"p{number}", Tier.URGENT, at_nine(2, 2), State.OPEN)
    for _ in range(10):
        alert = clinic.raised("p0", Tier.SOON, at_nine(2, 2), State.OVERRIDDEN)
        clinic.decided(alert, Action.OVERRIDE, at_nine(2, 4), OverrideReason.DUPLICATE)
    found = rows(clinic, 5)
    assert row(found, "overrides").masked  # 10 of 30, but of one person
    assert row(found, "overrides", "reason", "duplicate").masked
    assert row(found, "overrides", "tier", "soon").masked
    assert row(rows(clinic, 1), "overrides").numerator == 10


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
