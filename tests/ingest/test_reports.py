"""Results in reports live as those of Observations do: corrected, moved, retracted, written back."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from service.alerts.alert import Action, State
from service.clinical.analytes import Analyte
from service.deliver.letters import read_letter
from service.fhir import names
from service.fhir.changes import Known
from service.fhir.encode_origin import encode_provenance
from service.fhir.outgoing import validate_outgoing
from service.ingest import rejudge
from service.store.session import reading
from tests.ingest.feeding import PERSISTENT, Feed, Resource, observation, persistent, report


def reports(times: float = 3, version: int = 1, **more: Any) -> list[Resource]:
    """As `persistent`, each result in a report `r1`, `r2`, ... of its own, under the same id there."""
    return [
        report(f"r{at}", observation("alt", times=times, days_ago=days), version=version, **more)
        for at, days in enumerate(PERSISTENT, 1)
    ]


def keys(feed: Feed) -> set[tuple[str, str]]:
    return {(each.key.observation_id, each.key.sub_key) for each in feed.histories().get("p1", ())}


def test_results_in_reports_raise_an_alert_whose_evidence_they_are(feed: Feed) -> None:
    feed.send(*reports())
    assert {key.resource for key in feed.alert().episode.evidence} == {
        f"DiagnosticReport/r{at}" for at in range(1, 5)
    }


def test_a_report_and_an_observation_of_one_id_are_two(feed: Feed) -> None:
    feed.send(observation("x", days_ago=20), report("x", observation("alt", times=4)))
    assert keys(feed) == {("x", ""), ("DiagnosticReport/x", "contained:alt")}
    feed.now += timedelta(seconds=1)
    feed.delete("DiagnosticReport", "x")
    assert keys(feed) == {("x", "")}
    feed.delete("Observation", "x")
    assert keys(feed) == set()


def test_a_newer_version_of_a_report_replaces_all_it_said(feed: Feed) -> None:
    alt, ast = observation("alt"), observation("ast", analyte=Analyte.AST)
    feed.send(report("r", alt, ast, version=1))
    assert keys(feed) == {("DiagnosticReport/r", f"contained:{each}") for each in ("alt", "ast")}
    feed.send(report("r", observation("alt", times=5), version=2))
    assert feed.results() == {"DiagnosticReport/r": 200}
    assert feed.send(report("r", alt, ast, version=1)).counts == {"duplicate": 1}
    assert feed.results() == {"DiagnosticReport/r": 200}


def test_an_older_version_of_a_report_that_comes_late_changes_nothing(feed: Feed) -> None:
    feed.send(report("r", observation("alt", times=5), version=2))
    feed.send(report("r", observation("alt"), observation("ast", analyte=Analyte.AST), version=1))
    assert feed.results() == {"DiagnosticReport/r": 200}


def test_a_corrected_report_withdraws_its_alert(feed: Feed) -> None:
    feed.send(*reports())
    before = feed.alert()
    feed.send(*reports(times=0.5, version=2, status="corrected"))
    (after,) = feed.alerts(gone=True)
    assert (after.id, after.state) == (before.id, State.ENTERED_IN_ERROR)


@pytest.mark.parametrize("left", [[], [observation("alt")]], ids=["emptied", "as it was"])
def test_a_retracted_report_takes_its_results_along_and_no_older_version_brings_them_back(
    feed: Feed, left: list[Resource]
) -> None:
    retracted = report("r", *left, version=2, status="entered-in-error")
    feed.send(retracted)
    feed.send(report("r", observation("alt"), version=1))
    assert feed.results() == {}


def test_a_report_that_contains_nothing_any_more_has_no_results(feed: Feed) -> None:
    feed.send(report("r", observation("alt"), version=1))
    feed.send(report("r", version=2))
    assert feed.results() == {}


def test_a_report_given_to_another_patient_takes_its_results_along(feed: Feed) -> None:
    feed.send(report("r", observation("alt"), version=1))
    feed.send(report("r", observation("alt"), version=2, patient="p2"))
    assert (feed.results("p1"), feed.results("p2")) == ({}, {"DiagnosticReport/r": 120})


def test_a_report_that_only_links_is_counted_and_not_kept(feed: Feed) -> None:
    linking = report("r") | {"result": [{"reference": "Observation/o1"}]}
    assert feed.send(linking).counts == {"ignored:other-type": 1}
    assert feed.current("DiagnosticReport/r") is None


def test_a_report_whose_time_has_not_come_waits_for_it(feed: Feed) -> None:
    feed.send(report("r", observation("alt", days_ago=-3)))
    (held,) = feed.held()
    assert (held.reason, held.place) == ("future", "DiagnosticReport.effective")
    feed.now += timedelta(days=3)
    feed.sweep()
    assert (feed.results(), feed.reasons()) == ({"DiagnosticReport/r": 120}, [])


def test_rejudging_reads_reports_again_to_the_same_effect(feed: Feed) -> None:
    feed.send(*reports(), report("bad", observation("alt", unit="furlong")))
    before, held = feed.alert(), feed.held()
    rejudge(feed.engine, feed.rules, feed.now, everyone=True)
    assert (feed.alert(), feed.held()) == (before, held)


def test_a_decision_stays_with_the_reports_it_was_made_on(feed: Feed) -> None:
    feed.send(*reports())
    feed.decide(feed.alert(), Action.TAKE, by="Ada")
    feed.send(*reports(version=2, patient="p2"))
    assert feed.alert().subject == feed.patient_number("p2")
    assert feed.alert().owner == "Ada"


def test_the_ehr_is_referred_to_the_reports_and_their_versions(feed: Feed) -> None:
    feed.send(*persistent()[:2], *reports()[2:])
    feed.now += timedelta(seconds=1)
    with reading(feed.engine) as connection:
        letter = read_letter(connection, feed.alert().id, software="1", rulebook_digest="ab" * 32)
    wanted = letter.wanted("Device/1", "https://watch.test", "2026.1", Known())
    made = {names.key_of(each): each for each in wanted.referring({names.ISSUE: "1"})}
    for each in made.values():
        validate_outgoing(each)
    issue = made[names.ISSUE]
    held = ["Observation/o1", "Observation/o2", "DiagnosticReport/r3", "DiagnosticReport/r4"]
    assert [each["reference"] for each in issue["implicated"]] == held
    panel = made["ServiceRequest/repeat-hepatic-panel"]
    assert [each["reference"] for each in panel["reasonReference"]] == held
    to = letter.addresses("DetectedIssue/1", "Device/1", "https://watch.test")
    provenance = encode_provenance(letter.alert, to, ["DetectedIssue/1"], letter.origin, feed.now)
    validate_outgoing(provenance)
    seen = [each["what"]["reference"] for each in provenance["entity"]]
    assert seen == [f"{each}/_history/1" for each in held]


def test_the_ehr_is_not_referred_to_a_report_that_is_gone(feed: Feed) -> None:
    feed.send(*reports())
    alert = feed.alert()
    feed.now += timedelta(seconds=1)
    for at in range(1, 5):
        feed.delete("DiagnosticReport", f"r{at}")
    with reading(feed.engine) as connection:
        letter = read_letter(connection, alert.id, software="1", rulebook_digest="ab" * 32)
    wanted = letter.wanted("Device/1", "https://watch.test", "2026.1", Known())
    issue, *_rest = wanted.referring({names.ISSUE: "1"})
    assert issue["status"] == "entered-in-error"
    assert not any("reference" in each for each in issue["implicated"])


def test_the_longest_names_of_reports_fit(engine: Engine) -> None:
    feed = Feed(engine)
    longest = "x" * 128
    inner = observation(longest)
    inner["component"] = [{name: inner[name] for name in ("code", "valueQuantity")}] * 20
    given = report(longest, inner)
    feed.send(given)
    assert (feed.reasons(), len(feed.histories()["p1"])) == ([], 21)
    feed.send(*reports(), *[observation(f"o{at}") for at in range(3)])
    feed.decide(feed.alert(), Action.TAKE)
