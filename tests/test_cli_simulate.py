"""`liverwatch simulate`: a changed rulebook tried from a shell, told as text, JSON and CSV, and audited."""

import csv
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from service.store.schema import patient
from service.store.session import reading
from tests.commands import Run, audited
from tests.trying_rulebooks import SITE, load_two_people, site_rulebook


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return site_rulebook(tmp_path)


@pytest.fixture(autouse=True)
def loaded(run: Run, tmp_path: Path) -> None:
    load_two_people(run, tmp_path)


def test_text_tells_what_becomes_of_alerts_and_how_many_are_new_a_week(run: Run, site: Path) -> None:
    told = run("simulate", "--rulebook", site)
    assert told.code == 0, told.err
    lines = [line.split() for line in told.out.splitlines()]
    assert lines[0] == ["2026.1-clinic", "instead", "of", "2026.1,", "2", "people"]
    assert ["all", "alerts", "1", "0", "0", "1"] in lines
    assert ["Sex", "female", "1", "0", "0", "0"] in lines
    assert lines[-1][:6] == ["new", "alerts", "a", "week", "in", "the"]


def test_json_and_csv_list_the_alerts_that_change_by_opaque_ids(
    run: Run, engine: Engine, site: Path, tmp_path: Path
) -> None:
    told = run("simulate", "--rulebook", site, "--json", "--csv", tmp_path / "changed.csv").json
    (row,) = told["changed"]
    with reading(engine) as connection:
        query = select(patient.c.public_id).where(patient.c.fhir_id == "p2")
        assert row["patient"] == str(connection.execute(query).scalar_one())
    assert (row["outcome"], row["tier_before"], row["tier_after"]) == ("gained", None, "routine")
    assert told["alerts"] == {"gained": 1, "unchanged": 1}
    assert told["strata"]["source"] == {"clinic": {"gained": 1, "unchanged": 1}}
    assert len(told["weeks"]["candidate"]) == 52
    with (tmp_path / "changed.csv").open(encoding="utf-8", newline="") as file:
        (line,) = csv.DictReader(file)
    assert line["patient"] == row["patient"]
    assert line["tier_before"] == ""


def test_a_run_is_audited_and_changes_no_alert(run: Run, engine: Engine, site: Path) -> None:
    before, noted = run("alerts", "--json").json, audited(engine)
    run("simulate", "--rulebook", site)
    assert audited(engine) == [*noted, "simulate"]
    assert run("alerts", "--json").json == before


def test_what_cannot_be_simulated_is_refused_by_name(run: Run, site: Path, tmp_path: Path) -> None:
    assert run("simulate", "--rulebook", site, "--source", "nowhere").code == 1
    broken = tmp_path / "broken.toml"
    broken.write_text(SITE.replace("guideline", "guesses"), encoding="utf-8")
    refused = run("simulate", "--rulebook", broken)
    assert refused.code == 1
    assert "limits.policy" in refused.err
    elsewhere = run("simulate", "--rulebook", site, "--csv", tmp_path / "none" / "changed.csv")
    assert elsewhere.code == 1
    assert "cannot be written" in elsewhere.err


def test_a_shell_with_another_clock_than_the_records_were_judged_by_is_refused(run: Run, site: Path) -> None:
    refused = run("simulate", "--rulebook", site, "--clock", "system")
    assert refused.code == 1
    assert "LIVERWATCH_CLOCK" in refused.err
