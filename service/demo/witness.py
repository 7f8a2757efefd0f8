"""What the EHR holds, asked of the EHR itself, and whether it is exactly what it must hold."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from service.demo.samples import Expected
from service.demo.stage import DemoFailed, Stage
from service.fhir import names

Resource = dict[str, Any]


class Witness:
    """Looks into the EHR's records."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def issues(self, patient: str | None = None) -> list[Resource]:
        """The DetectedIssues of a patient, or of everybody."""
        return self._search("DetectedIssue", patient)

    def proposals(self, patient: str | None) -> list[Resource]:
        """The steps that are proposed to a patient's team now."""
        return [each for each in self._search("ServiceRequest", patient) if each["status"] == "active"]

    def compare(self, expected: Sequence[Expected], held: Sequence[Resource], when: str) -> list[str]:
        """What the EHR holds and must not, and the other way round; nothing where it is as expected."""
        families = self._stage.families()
        found = Counter(_as_expected(each, families) for each in held)
        wanted = Counter(expected)
        return [
            *(f"{when}, missing in the EHR: {_in_words(each)}" for each in (wanted - found).elements()),
            *(f"{when}, unexpected in the EHR: {_in_words(each)}" for each in (found - wanted).elements()),
        ]

    def at_the_end(self, expected: Sequence[Expected]) -> list[str]:
        """The same for everybody; and each alert must have one DetectedIssue, which we wrote."""
        held = self.issues()
        differences = self.compare(expected, held, "at the end")
        ours = [_alert_of(each) for each in held]
        if len(set(ours)) != len(held) or set(ours) != set(self._stage.families()):
            differences.append("at the end, alerts and DetectedIssues are not one to one")
        authors = {each.get("author", {}).get("reference") for each in held}
        if held and (len(authors) != 1 or len(self._search("Device", None)) != 1):
            differences.append("at the end, not every DetectedIssue names the one Device as its author")
        if _told(self._stage.own_issues()) != _told(held):
            differences.append("at the end, Liverwatch's own endpoint and the EHR do not say the same")
        return differences

    def _search(self, kind: str, patient: str | None) -> list[Resource]:
        parameters = {"patient": f"Patient/{patient}"} if patient else {}
        answer = self._stage.client.get(f"{self._stage.ehr}/{kind}", params=parameters)
        answer.raise_for_status()
        bundle = answer.json()
        found = [entry["resource"] for entry in bundle.get("entry", [])]
        if len(found) != bundle["total"]:
            raise DemoFailed("the EHR answered with a part of what it holds")
        return found


def _alert_of(issue: Resource) -> str:
    ours = [each["value"] for each in issue.get("identifier", []) if each.get("system") == names.ALERT]
    return ours[0] if len(ours) == 1 else ""


def _as_expected(issue: Resource, families: dict[str, str]) -> Expected:
    patient = issue["patient"]["reference"].removeprefix("Patient/")
    return Expected(patient, families.get(_alert_of(issue), ""), issue["status"], issue["severity"])


def _told(issues: Sequence[Resource]) -> list[tuple[str, ...]]:
    return sorted((_alert_of(e), e["status"], e["severity"], e["code"]["text"], e["detail"]) for e in issues)


def _in_words(each: Expected) -> str:
    return f"{each.patient}, {each.family}, {each.status}, severity {each.severity}"
