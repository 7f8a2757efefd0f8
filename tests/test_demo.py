"""`liverwatch demo`: it plays to its end, holds the EHR to what it must hold, and leaves nothing behind."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from service.demo import samples
from service.demo.samples import Expected, read_script, samples_directory
from service.demo.stage import NURSE, Stage, open_stage
from service.demo.witness import Witness

pytestmark = pytest.mark.timeout(180)

COMMAND = [sys.executable, "-m", "service", "demo"]
PLAYED = "The EHR held exactly the DetectedIssues it must hold, after every step"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A terminal that can nothing, an own place for temporary files, and settings that must not matter."""
    own = {"TERM": "dumb", "TMPDIR": str(tmp_path), "COLUMNS": "100"}
    misleading = {
        "LIVERWATCH_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "LIVERWATCH_CLOCK": "system",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIVERWATCH_")}
    return {**kept, **own, **misleading}


def left_behind(room: Path) -> list[str]:
    return sorted(path.name for path in room.iterdir())


@pytest.mark.slow
def test_it_plays_to_its_end_and_the_ehr_holds_what_it_must(
    environment: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run([*COMMAND, "--once"], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert PLAYED in " ".join(done.stdout.split())
    assert "a clinic of 300 made-up people" in done.stdout
    for told in ("delivered twice", "arrived late", "corrected", "entered in error", "[IU]/L", "because"):
        assert told in done.stdout
    assert "\x1b" not in done.stdout
    assert left_behind(tmp_path) == []


@pytest.fixture(scope="module")
def other_samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the samples whose story ends after its second step, which a test may spoil."""
    folder = tmp_path_factory.mktemp("samples") / "fhir_samples"
    shutil.copytree(samples_directory(), folder)
    script = json.loads((folder / "demo" / "script.json").read_text())
    script["steps"] = script["steps"][:2]
    (folder / "demo" / "script.json").write_text(json.dumps(script))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expected", "says"),
    [
        (
            [
                {
                    "patient": "persistent-mild-alt",
                    "family": "transaminase",
                    "status": "preliminary",
                    "severity": "high",
                }
            ],
            ["missing", "severity high", "unexpected", "severity low"],
        ),
        ([], ["unexpected", "severity low"]),
        (
            [
                {
                    "patient": "persistent-mild-alt",
                    "family": "transaminase",
                    "status": "preliminary",
                    "severity": "low",
                }
            ]
            * 2,
            ["missing", "severity low"],
        ),
    ],
)
def test_it_fails_when_the_ehr_does_not_hold_exactly_what_it_must(
    other_samples: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    expected: list[dict[str, str]],
    says: list[str],
) -> None:
    from service.demo import run

    (other_samples / "demo" / "expected.json").write_text(json.dumps({"detected_issues": expected}))
    monkeypatch.setattr(samples, "samples_directory", lambda: other_samples)
    assert run(once=True) is False
    told = " ".join(capsys.readouterr().out.split())
    assert "does not hold" in told
    for words in says:
        assert words in told.partition("does not hold")[2]


@contextmanager
def playing(environment: dict[str, str]) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    """The demo once it has told its story; yields the commands it prints, too."""
    process = subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, text=True)
    commands: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip().startswith("curl "):
                commands.append(line.strip())
            if len(commands) == 2:
                break
        yield process, commands
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_keeps_running_until_it_is_ended_and_takes_everything_with_it(
    environment: dict[str, str], tmp_path: Path, ending: signal.Signals
) -> None:
    with playing(environment) as (process, commands):
        urls = []
        for command in commands:
            token, url = re.fullmatch(r"curl -H 'Authorization: Bearer (\S+)' '(\S+)'", command).groups()  # type: ignore[union-attr]
            answer = httpx2.get(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
            assert answer.json()["total"] == len(read_script().expected)
            urls.append(url)
        process.send_signal(ending)
        assert process.wait(30) == 0
    for url in urls:
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(url, trust_env=False)
    assert left_behind(tmp_path) == []


@pytest.mark.slow
def test_even_when_it_is_killed_no_process_stays(environment: dict[str, str]) -> None:
    with playing(environment) as (process, commands):
        urls = [command.rpartition(" ")[2].strip("'") for command in commands]
        process.kill()
        process.wait()
    deadline = time.monotonic() + 20
    for url in urls:
        while time.monotonic() < deadline:
            try:
                httpx2.get(url, trust_env=False)
            except httpx2.ConnectError:
                break
            time.sleep(0.1)
        else:
            pytest.fail("a process of the demo is still there")


@pytest.mark.slow
def test_answers_lost_on_the_way_make_no_second_resource() -> None:
    first, second = read_script().steps[:2]
    with open_stage("data", 0) as stage:
        stage.client.post(stage.ehr.removesuffix("/fhir") + "/control/lose-answers", params={"count": "2"})
        for file in [*first.files, *second.files]:
            stage.arrive(file.body)
        stage.settle()
        witness = Witness(stage)
        assert witness.at_the_end(second.expected) == []
        assert opens_the_pages(stage)
        proposals = witness.proposals(second.patient)
        identifiers = {proposal["identifier"][0]["value"] for proposal in proposals}
        assert len(identifiers) == len(proposals) > 0


def opens_the_pages(stage: Stage) -> bool:
    """Whether the account that the demo tells of signs in, and sees the worklist at once."""
    with httpx2.Client(base_url=stage.service, trust_env=False, headers={"Origin": stage.service}) as browser:
        given = {"name": NURSE, "password": stage.password}
        signed_in = browser.post("/sign-in", data=given)
        return signed_in.headers.get("location") == "/" and browser.get("/").status_code == 200


class Records:
    """An EHR for the witness to look into."""

    def __init__(self, *issues: Any) -> None:
        self.held = issues

    def families(self) -> dict[str, str]:
        return {"a1": "transaminase", "a2": "cholestatic"}


def issue(alert: str, patient: str = "p1", status: str = "final", severity: str = "low") -> Any:
    identifier = [{"system": "https://liverwatch.example/fhir/NamingSystem/alert", "value": alert}]
    who = {"reference": f"Patient/{patient}"}
    return {"identifier": identifier, "patient": who, "status": status, "severity": severity}


@pytest.mark.parametrize(
    ("held", "count"),
    [
        ([issue("a1")], 0),
        ([], 1),
        ([issue("a1"), issue("a1")], 1),
        ([issue("a2")], 2),
        ([issue("a1", patient="p2")], 2),
        ([issue("a1", status="preliminary")], 2),
        ([issue("a1", severity="high")], 2),
        ([issue("unknown")], 2),
    ],
)
def test_the_witness_compares_patient_family_status_and_severity(held: list[Any], count: int) -> None:
    witness = Witness(Records())  # type: ignore[arg-type]
    expected = [Expected("p1", "transaminase", "final", "low")]
    assert len(witness.compare(expected, held, "now")) == count
