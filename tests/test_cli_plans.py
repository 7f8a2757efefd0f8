"""`liverwatch alerts` tells the plan: causes with their grounds, the next steps, and what is done already."""

from pathlib import Path
from typing import Any

import pytest

from tests.commands import Run
from tests.liver_files import persistent, write_lines

PARACETAMOL = {
    "resourceType": "MedicationRequest",
    "id": "painkiller",
    "status": "active",
    "intent": "order",
    "medicationCodeableConcept": {"text": "Paracetamol"},
    "subject": {"reference": "Patient/p1"},
    "authoredOn": "2024-01-05",
}
ULTRASOUND = {
    "resourceType": "Procedure",
    "id": "scan",
    "status": "completed",
    "code": {"text": "Ultrasound of abdomen"},
    "subject": {"reference": "Patient/p1"},
    "performedDateTime": "2024-08-20",
}


@pytest.fixture
def told(run: Run, tmp_path: Path) -> Run:
    """One patient with a lasting ALT, a drug in question, and an ultrasound that was done."""
    lines: list[dict[str, Any]] = [*persistent("p1"), PARACETAMOL, ULTRASOUND]
    assert run("load", write_lines(tmp_path / "told.ndjson", lines)).code == 0
    return run


def test_a_program_reads_what_speaks_for_a_cause_and_where_it_stands(told: Run) -> None:
    (alert,) = told("alerts", "--json").json
    causes = {each["cause"]: each for each in alert["plan"]["causes"]}
    (drug,) = causes["drug-injury"]["for"]
    assert drug["words"].startswith("Paracetamol")
    assert drug["resources"] == ["MedicationRequest/painkiller"]
    against = causes["acute-hepatitis-a-e"]["against"]
    assert ["Observation/p1-2024-01-10", "Observation/p1-2024-09-03"] in [one["resources"] for one in against]
    assert "Hepatitis A IgM: not in the record within 90 days." in [
        one["words"] for one in causes["acute-hepatitis-a-e"]["unknown"]
    ]


def test_a_step_comes_with_its_day_and_one_that_is_done_is_not_asked_for(told: Run) -> None:
    (alert,) = told("alerts", "--json").json
    steps = {each["step"]: each for each in alert["plan"]["steps"]}
    assert steps["repeat-hepatic-panel"]["due"] == "2024-11-26"
    assert steps["medication-review"]["for"] == "prescriber"
    assert "liver-ultrasound" not in steps
    (done,) = alert["plan"]["done"]
    assert (done["step"], done["day"], done["ordered"]) == ("liver-ultrasound", "2024-08-20", False)
    assert done["shown_by"] == ["Procedure/scan"]


def test_a_person_reads_the_same_in_words(told: Run) -> None:
    text = told("alerts").out
    assert "Possible cause: Injury by a drug, herb or supplement - for: Paracetamol" in text
    assert "[MedicationRequest/painkiller]" in text
    assert "not known: Hepatitis A IgM: not in the record within 90 days" in text
    assert "Next, by 2024-11-26: Repeat the hepatic panel" in text
    assert "Done already: Ultrasound of the liver and biliary tract, 2024-08-20 [Procedure/scan]." in text


def test_an_alert_that_was_overridden_asks_for_nothing_more(told: Run) -> None:
    (alert,) = told("alerts", "--json").json
    ran = told("dispose", alert["id"], "override", "--by", "Nurse Lee", "--reason", "duplicate")
    assert ran.code == 0, ran.err
    (after,) = told("alerts", "--json", "--all").json
    assert after["plan"]["steps"] == []
    assert "Next, by" not in told("alerts", "--all").out
