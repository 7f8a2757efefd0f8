"""`liverwatch rulebook`, and what a site's rulebook does to records that were judged by another."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from starlette.testclient import TestClient

from service import backlog
from service.app import create_app
from service.clinical.rulebook import load_rulebook, parse_rulebook
from service.ingest import sweeping
from service.settings import load_settings
from service.store.decisions import text_of
from service.store.schema import decision
from service.store.session import reading
from tests.commands import Run, runner
from tests.liver_files import persistent, write_lines

SITE = """
version = "2026.1-clinic"
parent = "2026.1"

limits.policy = { value = "guideline", citation = "site", tag = "V" }
change.cva = { value = 4, citation = "site", tag = "V" }

[citations]
site = "Clinic of Example, liver test committee, minutes of 1 December 2026."
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run `liverwatch`, as of the data's own time, on a database that nothing has opened yet."""
    monkeypatch.setenv("LIVERWATCH_DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    monkeypatch.setenv("LIVERWATCH_CLOCK", "data")
    return runner(capsys)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    file = tmp_path / "clinic.toml"
    file.write_text(SITE, encoding="utf-8")
    return file


# ------------------------------------------------------------------------------------- show, check, diff


def test_the_rulebook_in_use_is_shown_with_sources(run: Run) -> None:
    ran = run("rulebook", "show")
    assert ran.out.startswith(f"rulebook 2026.1, SHA-256 {load_rulebook().digest}\n")
    (line,) = [each for each in ran.out.splitlines() if each.startswith("limits.upper.ALT.men ")]
    assert line.split() == ["limits.upper.ALT.men", "33", "acg-2017", "V"]


def test_one_entry_is_shown_and_those_below_it(run: Run) -> None:
    assert run("rulebook", "show", "--entry", "limits.policy").out.splitlines()[1].split()[1] == "lab"
    below = run("rulebook", "show", "--entry", "limits.upper.ALT", "--json").json["entries"]
    assert list(below) == ["limits.upper.ALT.men", "limits.upper.ALT.women"]
    assert below["limits.upper.ALT.men"]["reference"].startswith("Kwo PY")
    missing = run("rulebook", "show", "--entry", "limits.upp")
    assert (missing.code, missing.out) == (1, "")
    assert "no entry limits.upp" in missing.err


def test_the_effective_text_is_a_whole_rulebook(
    run: Run, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVERWATCH_RULEBOOK", str(site))
    said = run("rulebook", "show", "--json").json
    assert [each["version"] for each in said["history"]] == ["2026.1-clinic", "2026.1"]
    whole = parse_rulebook(run("rulebook", "show", "--effective").out, lambda _: None)
    assert whole.digest == said["digest"] == load_rulebook(site).digest


def test_a_good_rulebook_is_ok(run: Run, site: Path) -> None:
    assert run("rulebook", "check", site) == (0, "ok: 2026.1-clinic\n", "")
    assert run("rulebook", "check", site, "--json").json == {
        "ok": True,
        "version": "2026.1-clinic",
        "problems": [],
    }


def test_a_bad_one_is_told_everything_that_is_wrong(run: Run, site: Path) -> None:
    site.write_text(SITE.replace('"guideline"', '"ours"').replace("value = 4", "value = -4"))
    ran = run("rulebook", "check", site)
    assert (ran.code, ran.out) == (1, "")
    assert [line.split(": ")[1] for line in ran.err.splitlines()] == [
        "limits.policy.value",
        "change.cva.value",
    ]
    assert len(json.loads(run("rulebook", "check", site, "--json").out)["problems"]) == 2


def test_a_file_that_is_no_rulebook_is_told_so(run: Run, tmp_path: Path) -> None:
    assert "cannot read" in run("rulebook", "check", tmp_path / "none.toml").err
    (tmp_path / "broken.toml").write_text("version = ")
    assert "not TOML" in run("rulebook", "check", tmp_path / "broken.toml").err


def test_the_difference_to_the_parent_is_a_table(run: Run, site: Path) -> None:
    lines = run("rulebook", "diff", site).out.splitlines()
    assert lines[0].split() == ["ENTRY", "2026.1", "2026.1-clinic"]
    assert "lab (liverwatch-2026, K)" in lines[1]
    assert "guideline (site, V)" in lines[1]
    assert len(lines) == 3
    told = run("rulebook", "diff", site, "--json").json
    assert told["entries"]["change.cva"]["after"] == {
        "value": 4,
        "citation": "site",
        "reference": "Clinic of Example, liver test committee, minutes of 1 December 2026.",
        "tag": "V",
    }


def test_a_rulebook_is_compared_with_any_other(run: Run, site: Path) -> None:
    assert run("rulebook", "diff", site, site).out == "2026.1-clinic and 2026.1-clinic say the same\n"


# ------------------------------------------------------------------------------------------ its effect


def test_changing_the_policy_changes_alerts_once_everybody_is_judged_again(
    run: Run,
    site: Path,
    database_url: str,
    engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ALT of 38 is normal to the laboratory (40) and elevated to the guideline (25: no sex is known)."""
    monkeypatch.setenv("LIVERWATCH_DATABASE_URL", database_url)
    monkeypatch.setattr(backlog, "REMEMBERED_SECONDS", -1.0)
    run("load", write_lines(tmp_path / "feed.ndjson", [each for n in "123" for each in persistent(n, 38)]))
    assert run("alerts", "--json").json == []

    def standing() -> str:
        with TestClient(create_app(load_settings(sweep_seconds=3600.0), engine)) as client:
            said: str = client.get("/health/ready").json()["checks"]["judging"]
        return said

    assert standing() == "up to date"
    monkeypatch.setenv("LIVERWATCH_RULEBOOK", str(site))
    assert standing().startswith("rejudging")
    _interrupt_after_the_first_record(run, monkeypatch)
    assert standing().startswith("rejudging")
    assert run("rejudge", "--json").json == {"judged": 2, "failed": 0}
    assert standing() == "up to date"
    assert [each["tier"] for each in run("alerts", "--json").json] == ["routine"] * 3

    monkeypatch.delenv("LIVERWATCH_RULEBOOK")
    assert standing().startswith("rejudging")
    assert run("rejudge", "--json").json == {"judged": 3, "failed": 0}
    assert run("alerts", "--json").json == []
    assert {each["state"] for each in run("alerts", "--all", "--json").json} == {"entered-in-error"}


def _interrupt_after_the_first_record(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    judge_page = sweeping.judge_page
    with monkeypatch.context() as once:
        once.setattr(sweeping, "CHUNK", 1)
        done: list[int] = []

        def interrupted(*arguments: Any, **more: Any) -> tuple[int, int]:
            if done:
                raise KeyboardInterrupt
            done.append(1)
            return judge_page(*arguments, **more)

        once.setattr(sweeping, "judge_page", interrupted)
        assert run("rejudge").code == 130


def test_a_decision_under_a_site_rulebook_keeps_a_text_that_gives_its_digest(
    run: Run,
    site: Path,
    database_url: str,
    engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIVERWATCH_DATABASE_URL", database_url)
    monkeypatch.setenv("LIVERWATCH_RULEBOOK", str(site))
    run("load", write_lines(tmp_path / "feed.ndjson", persistent("p1", 38)))
    with reading(engine) as connection:
        (digest,) = set(connection.execute(select(decision.c.rulebook_digest)).scalars())
        kept = text_of(connection, digest)
    again = parse_rulebook(kept, lambda _: None)
    assert again.digest == digest
    assert again.rules == load_rulebook(site).rules
