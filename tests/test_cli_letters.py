"""`liverwatch letter` writes a letter about an alert and notes in the audit log that it did."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.commands import Run, audited
from tests.letters.conftest import printed
from tests.liver_files import persistent, person, write_lines


@pytest.fixture
def alert(run: Run, tmp_path: Path) -> str:
    """The alert of one patient with a lasting ALT."""
    lines = [person("p1", name=[{"family": "Rivera", "given": ["Ana"]}]), *persistent("p1")]
    assert run("load", write_lines(tmp_path / "one.ndjson", lines)).code == 0
    (found,) = run("alerts", "--json").json
    return str(found["id"])


def test_a_letter_is_written_and_that_is_audited(
    run: Run, alert: str, tmp_path: Path, engine: Engine
) -> None:
    out = tmp_path / "letter.txt"
    ran = run("letter", alert, "--to", "referral", "--out", out)
    assert (ran.code, ran.out, ran.err) == (0, "letter written\n", "")
    said = out.read_text(encoding="utf-8")
    assert "Patient: Ana Rivera" in said
    assert "Persistent elevation: ALT" in said
    assert audited(engine)[-1] == "write-letter"


def test_a_patient_is_written_to_in_the_language_of_the_source_or_the_one_asked_for(
    run: Run, alert: str, tmp_path: Path
) -> None:
    out = tmp_path / "letter.txt"
    assert run("letter", alert, "--to", "patient", "--out", out).code == 0
    assert out.read_text(encoding="utf-8").startswith("Your liver tests")
    assert run("source", "set", "files", "--language", "zh-CN").code == 0
    assert run("letter", alert, "--to", "patient", "--out", out).code == 0
    assert out.read_text(encoding="utf-8").startswith("您的肝功能检查")
    assert run("letter", alert, "--to", "patient", "--language", "en", "--out", out).code == 0
    assert out.read_text(encoding="utf-8").startswith("Your liver tests")


@pytest.mark.filterwarnings("default")
def test_a_file_that_is_not_named_as_text_is_a_pdf(run: Run, alert: str, tmp_path: Path) -> None:
    printed("<p>.</p>")
    out = tmp_path / "letter.pdf"
    assert run("letter", alert, "--to", "patient", "--out", out).code == 0
    assert out.read_bytes().startswith(b"%PDF-1.7")


def test_what_goes_wrong_is_said_without_anything_of_the_patient(
    run: Run, alert: str, tmp_path: Path
) -> None:
    unknown = run("letter", "00000000", "--to", "patient", "--out", tmp_path / "x.txt")
    assert unknown.code == 1
    assert "there is no alert of that id" in unknown.err
    nowhere = run("letter", alert, "--to", "patient", "--out", tmp_path / "no" / "such" / "folder.txt")
    assert nowhere.code == 1
    assert "--out" in nowhere.err
    assert "Rivera" not in unknown.err + nowhere.err
