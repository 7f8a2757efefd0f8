"""Each sample history, decoded and judged, comes out as worked out by hand in its `expected.json`."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from service.alerts.alert import Alert, State
from service.alerts.events import tier_name
from service.alerts.reconcile import reconcile
from service.clinical.assess import assess
from service.clinical.episodes import Episode, Family, Finding
from service.clinical.results import Condition, Done, LabResult, Measurement, Medication, PatientRecord
from service.clinical.rulebook import load_rulebook
from service.fhir.bundles import decode_bundle
from service.fhir.decode import decode_resource
from service.fhir.encode import Addresses, encode_issue
from service.fhir.incoming import Incoming, Observed, PatientFacts
from service.fhir.strict_json import check_json

SAMPLES = Path(__file__).parent.parent / "fhir_samples"
VIGNETTES = sorted(path.parent.name for path in SAMPLES.glob("*/feed") if path.parent.name != "demo")
STANDING = (State.ENTERED_IN_ERROR, State.MERGED)
EHR = Addresses("Patient/p", "urn:uuid:i", None, "samples", "https://liverwatch.example")

every_vignette = pytest.mark.parametrize("vignette", VIGNETTES)


def expected_of(vignette: str) -> Any:
    return json.loads((SAMPLES / vignette / "expected.json").read_text(encoding="utf-8"))


def feed_of(vignette: str) -> list[Path]:
    return sorted((SAMPLES / vignette / "feed").glob("*.json"))


def decoded(file: Path) -> list[Incoming]:
    raw = check_json(file.read_bytes())
    if json.loads(raw)["resourceType"] == "Bundle":
        return decode_bundle(raw, source="samples", zone=None, rulebook=load_rulebook())
    return [decode_resource(raw, source="samples", zone=None, rulebook=load_rulebook())]


class Chart:
    """One patient's record and alerts, judged as of the newest result after every file received."""

    def __init__(self) -> None:
        self.latest: dict[tuple[str, str], Incoming] = {}
        self.episodes: Sequence[Episode] = ()
        self.alerts: dict[UUID, Alert] = {}

    def receive(self, file: Path) -> None:
        for incoming in decoded(file):
            key = (incoming.type, incoming.id)
            known = self.latest.get(key)
            if known is None or int(known.version_id or 0) <= int(incoming.version_id or 0):
                self.latest[key] = incoming
        self.judge()

    def judge(self) -> None:
        record = record_of(self.latest.values())
        if not record.results:
            return
        as_of = newest(record)
        self.episodes = assess(record, load_rulebook(), as_of).episodes
        placed = [(1, episode) for episode in self.episodes]
        for change in reconcile(list(self.alerts.values()), (), placed, as_of, self._next_id):
            self.alerts[change.after.id] = change.after

    def _next_id(self) -> UUID:
        return UUID(int=len(self.alerts) + 1)

    def standing(self) -> list[Alert]:
        return [alert for alert in self.alerts.values() if alert.state not in STANDING]


def record_of(known: Iterable[Incoming]) -> PatientRecord:
    results: list[LabResult] = []
    conditions: list[Condition] = []
    medications: list[Medication] = []
    measurements: list[Measurement] = []
    done: list[Done] = []
    record = PatientRecord(
        results=results,
        conditions=conditions,
        medications=medications,
        measurements=measurements,
        done=done,
    )
    for incoming in known:
        content = incoming.content
        if isinstance(content, Observed):
            results.extend(content.results)
            measurements.extend(content.measurements)
            done.extend(content.done)
        elif isinstance(content, Condition):
            conditions.append(content)
        elif isinstance(content, Medication):
            medications.append(content)
        elif isinstance(content, Done):
            done.append(content)
        elif isinstance(content, PatientFacts):
            record = replace(
                record, sex=content.sex, birth_date=content.birth_date, deceased=content.deceased
            )
    return record


def newest(record: PatientRecord) -> datetime:
    """Of its liver tests and other measurements; of these only the day is known."""
    measured = (datetime.combine(each.day, time.min, UTC) for each in record.measurements)
    return max((*(result.effective for result in record.results), *measured))


def at_end(vignette: str) -> Chart:
    chart = Chart()
    for file in feed_of(vignette):
        chart.receive(file)
    return chart


def said(finding: Finding, wanted: dict[str, Any]) -> dict[str, Any]:
    """A finding in the words of `expected.json`, as far as those go."""
    found: dict[str, Any] = {
        "kind": finding.kind.value,
        "analyte": finding.analyte.value,
        "tier": tier_name(finding.tier),
        "met": str(finding.met),
        "last": str(finding.last),
    }
    if finding.suppressed is not None:
        found["suppressed"] = finding.suppressed.value
    if "first" in wanted:
        found["first"] = str(finding.first)
    if "reasons" in wanted:
        found["reasons"] = [
            {"name": reason.name, "met": str(reason.met), "last": str(reason.last)}
            for reason in finding.reasons
        ]
    return found


def check_episode(episode: Episode, wanted: dict[str, Any]) -> None:
    assert str(episode.onset) == wanted["onset"]
    assert (episode.resolved and str(episode.resolved)) == wanted["resolved"]
    by_name = {(each["kind"], each["analyte"]): each for each in wanted["findings"]}
    found = {
        (each.kind.value, each.analyte.value): said(
            each, by_name.get((each.kind.value, each.analyte.value), {})
        )
        for each in episode.findings
    }
    assert found == by_name
    if "latest" in wanted:
        multiples = {level.analyte.value: float(level.multiple) for level in episode.latest}
        assert multiples == pytest.approx(wanted["latest"], abs=0.0051)
        assert {level.limit_source for level in episode.latest} == {wanted["limits"]}


@every_vignette
def test_a_vignette_raises_the_alerts_worked_out_by_hand_and_no_others(vignette: str) -> None:
    wanted = {each["family"]: each for each in expected_of(vignette)["alerts"]}
    chart = at_end(vignette)
    assert {alert.family.value for alert in chart.standing()} == set(wanted)
    for alert in chart.standing():
        outcome = wanted[alert.family.value]
        assert alert.state.value == outcome["state"]
        assert tier_name(alert.tier) == outcome["tier"]
        assert str(alert.episode.alerts_from) == outcome["alerts_from"]
        changes = [
            {"day": str(each.day), "tier": tier_name(each.tier)} for each in alert.episode.tier_changes
        ]
        assert changes == outcome["tier_changes"]
        check_episode(alert.episode, outcome)


@every_vignette
def test_a_vignette_shows_the_rest_on_the_panel_only(vignette: str) -> None:
    wanted = {(each["family"], each["onset"]): each for each in expected_of(vignette)["no_alert"]}
    silent = {
        (each.family.value, str(each.onset)): each
        for each in at_end(vignette).episodes
        if each.alerts_from is None and each.family is not Family.FOLLOW_UP
    }
    assert set(silent) == set(wanted)
    for name, episode in silent.items():
        assert episode.tier is None
        check_episode(episode, wanted[name])


@every_vignette
def test_a_vignette_stands_on_the_way_where_its_checkpoints_say(vignette: str) -> None:
    chart = Chart()
    due = {each["after"]: each["alerts"] for each in expected_of(vignette).get("checkpoints", [])}
    assert set(due) <= {file.name for file in feed_of(vignette)}
    for file in feed_of(vignette):
        chart.receive(file)
        if file.name in due:
            assert [on_the_way(alert) for alert in chart.standing()] == [
                {**each, "reasons": set(each["reasons"])} for each in due[file.name]
            ]


def on_the_way(alert: Alert) -> dict[str, Any]:
    return {
        "family": alert.family.value,
        "state": alert.state.value,
        "tier": tier_name(alert.tier),
        "reasons": {reason.name for finding in alert.episode.findings for reason in finding.reasons},
    }


@every_vignette
def test_a_vignette_ends_with_the_detected_issues_the_ehr_must_hold(vignette: str) -> None:
    outcome = expected_of(vignette)
    wanted = [
        (each["family"], each["detected_issue"])
        for each in [*outcome["alerts"], *outcome.get("withdrawn", [])]
    ]
    issues = [(alert.family.value, encode_issue(alert, EHR)) for alert in at_end(vignette).alerts.values()]
    assert [
        (family, {key: issue[key] for key in ("status", "severity")}) for family, issue in issues
    ] == wanted


@every_vignette
def test_a_vignette_told_backwards_ends_the_same(vignette: str) -> None:
    backwards = Chart()
    for file in reversed(feed_of(vignette)):
        backwards.receive(file)
    assert backwards.episodes == at_end(vignette).episodes


def test_the_first_mistyped_version_of_the_demo_is_urgent_until_it_is_corrected() -> None:
    chart = Chart()
    feed = feed_of("worsening-on-statin")
    for file in feed[:7]:
        chart.receive(file)
    chart.receive(SAMPLES / "demo" / "feed" / "worsening-on-statin-alt-2025-06-10-first-version.json")
    assert [tier_name(alert.tier) for alert in chart.standing()] == ["urgent"]
    assert {reason.name for each in chart.episodes[0].findings for reason in each.reasons} >= {"dili-stop"}
    chart.receive(feed[7])
    assert [tier_name(alert.tier) for alert in chart.standing()] == ["soon"]
    assert len(chart.alerts) == 1


def test_each_step_of_the_demo_leaves_the_detected_issues_it_says() -> None:
    charts: dict[str, Chart] = {}
    for step in json.loads((SAMPLES / "demo" / "script.json").read_text(encoding="utf-8"))["steps"]:
        for file in step["push"]:
            patient = next(
                name for name in VIGNETTES if Path(file).name.startswith(name) or file.startswith(name)
            )
            charts.setdefault(patient, Chart()).receive(SAMPLES / file)
        held = [
            {"patient": step["patient"], "family": alert.family.value, "status": issue["status"]}
            | {"severity": issue["severity"]}
            for alert in (charts[step["patient"]].alerts.values() if "patient" in step else ())
            for issue in [encode_issue(alert, EHR)]
        ]
        assert held == step["then"], step["number"]
