"""`liverwatch simulate-ehr`: it serves, plays its files to a feed, and tells at the end what went wrong."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from service.simulated_ehr.mishaps import Ledger, Mishaps, Odds
from tests.simulated_ehr.serving_here import listening, until

COMMAND = [sys.executable, "-m", "service", "simulate-ehr", "--port", "0"]


def losses(count: int) -> list[int]:
    ledger = Ledger()
    mishaps = Mishaps[int](Odds(lose=0.2, seed=3), ledger, str)
    for number in range(count):
        mishaps.pass_on(number)
    return [int(each) for each in ledger.lost]


def test_it_plays_its_files_to_the_feed_and_tells_what_it_lost(tmp_path: Path) -> None:
    lines = [json.dumps({"resourceType": "Observation", "id": f"o{number}"}) for number in range(20)]
    (tmp_path / "results.ndjson").write_text("\n".join(lines))
    with listening() as listener:
        more = ["--feed", listener.url, "--from", str(tmp_path), "--lose", "20%", "--seed", "3"]
        process = subprocess.Popen([*COMMAND, *more], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            base = process.stdout.readline().strip()
            with httpx2.Client(base_url=base, trust_env=False) as ehr:
                until(lambda: ehr.get("Observation").json()["total"] == 20)
            until(lambda: len(listener.told) == 20 - len(losses(20)))
        finally:
            process.send_signal(signal.SIGTERM)
            told, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    names = [f"Observation/o{number} version 1" for number in losses(20)]
    assert names
    assert f"lost: {len(names)} ({', '.join(names)})" in told.splitlines()
    assert "given up: 0" in told.splitlines()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (["--style", "hapi", "--payload", "id-only"], "--payload"),
        (["--lose", "5"], "0% to 100%"),
        (["--secret-env", "NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE"),
        (["--from", __file__], "not a FHIR resource"),
    ],
)
def test_what_cannot_be_played_is_refused_before_it_starts(wrong: list[str], says: str) -> None:
    ended = subprocess.run([*COMMAND, *wrong], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode in (1, 2)
    assert says in ended.stderr
    assert ended.stdout == ""
