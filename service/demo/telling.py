"""The demo in plain words: who, what arrived, what was concluded and why, what stands in the EHR now."""

from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from service.demo.clinic import SOURCE as CLINIC
from service.demo.clinic import Clinic
from service.demo.samples import File, Step
from service.demo.stage import NURSE, Stage
from service.demo.witness import Witness

Resource = dict[str, Any]

_INCIDENTS: Final = {
    "duplicate": "delivered twice",
    "late-arrival": "arrived late",
    "correction": "corrected",
    "entered-in-error": "entered in error",
    "unit-alias": "odd unit",
}
_TIERS: Final = {"high": "urgent", "moderate": "soon", "low": "routine"}
"""How the worklist calls what FHIR calls severity."""
_STYLES: Final = {"high": "bold red", "moderate": "yellow", "low": "cyan"}


class Teller:
    """Writes to the terminal; readable without colours, and when piped to a file."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, emoji=False, markup=False)
        self._told: dict[str, str] = {}
        """The version of each DetectedIssue that has been told."""

    def opening(self, stage: Stage) -> None:
        """Who is on stage."""
        self._heading("Liverwatch demo: twelve invented people, one afternoon's feed")
        self._row("EHR", f"{stage.ehr} (simulated, in memory, a process of its own)")
        self._row("Liverwatch", f"{stage.service} (SQLite in {stage.database})")
        self._row("look at", f"{stage.service}/fhir/DetectedIssue")
        self._row("pages", f"{stage.service}/ (sign in as {NURSE}, password {stage.password})")

    def filled(self, clinic: Clinic, stage: Stage) -> None:
        """Who else is there, and how to look at their alerts."""
        self._heading(f"Beside them: a clinic of {clinic.patients} made-up people")
        self._row("put in", f"{clinic.results} results of some years, up to today (source {CLINIC})")
        self._row("open", ", ".join(f"{count} {tier}" for tier, count in clinic.tiers.items()))
        self._row("states", ", ".join(f"{count} {state}" for state, count in clinic.states.items()))
        self._row("quarantine", f"{clinic.unusable} of the results cannot be used, on purpose")
        self._row("look with", "")
        database = f"LIVERWATCH_CLOCK=data LIVERWATCH_DATABASE_URL=sqlite:///{stage.database}"
        self._console.out(f"   {database} liverwatch alerts --source {CLINIC}", highlight=False)

    def announce(self, step: Step) -> None:
        """What happens now."""
        incident = f" [{_INCIDENTS.get(step.incident, step.incident)}]" if step.incident else ""
        self._heading(f"{step.number}. {step.says}{incident}")

    def arrived(self, file: File) -> None:
        """What comes in."""
        self._row("arrived", "; ".join(filter(None, map(_in_words, _grouped(file.resources)))))

    def concluded(self, step: Step, issues: Sequence[Resource], witness: Witness) -> None:
        """What Liverwatch concluded from it, why, and what the EHR holds of it."""
        if not issues:
            self._row("concluded", "no alert")
            self._row("in the EHR", "no DetectedIssue")
            return
        for issue in issues:
            self._issue(issue)
        for request in witness.proposals(step.patient):
            self._row("", f"proposed: {request['code']['text']}, by {request['occurrenceDateTime']}")

    def _issue(self, issue: Resource) -> None:
        severity, version = issue["severity"], issue["meta"]["versionId"]
        if self._told.get(issue["id"]) == version:
            self._row("concluded", "nothing new")
        else:
            headline = f"{_TIERS[severity]}: {issue['code']['text']}"
            self._row("concluded", Text(headline, _STYLES[severity]))
            for line in issue.get("detail", "").splitlines():
                self._row("because", line)
        self._told[issue["id"]] = version
        standing = f"{issue['status']}, severity {severity}, version {version}"
        self._row("in the EHR", f"DetectedIssue/{issue['id']}: {standing}")

    def ending(self, stage: Stage, differences: Sequence[str], *, running: bool) -> None:
        """Whether it all came out as it must, and where to look."""
        if differences:
            self._heading("The EHR does not hold what it must hold")
            for difference in differences:
                self._row("wrong", Text(difference, "bold red"))
        else:
            self._heading("The EHR held exactly the DetectedIssues it must hold, after every step")
        if running:
            self._heading("Everything keeps running until Ctrl-C. Open the nurses' pages in a browser:")
            self._row("address", f"{stage.service}/")
            self._row("sign in", f"as {NURSE}, password {stage.password}")
            self._heading("Look at the alerts as a reader, and at the EHR:")
            self._command(stage.reader_token, f"{stage.service}/fhir/DetectedIssue")
            self._command(stage.ehr_token, f"{stage.ehr}/DetectedIssue")

    def _heading(self, text: str) -> None:
        self._console.print()
        self._console.print(Text(text, "bold"))

    def _row(self, label: str, text: str | Text) -> None:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=10, no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(Text(label, "dim"), text)
        self._console.print(Padding(grid, (0, 0, 0, 3)))

    def _command(self, token: str, url: str) -> None:
        """On one line, however long: it is to be copied."""
        self._console.out(f"   curl -H 'Authorization: Bearer {token}' '{url}'", highlight=False)


def _grouped(resources: Sequence[Resource]) -> list[list[Resource]]:
    """The results of one day together; everything else by itself."""
    groups: dict[str, list[Resource]] = {}
    for resource in resources:
        is_result = resource["resourceType"] == "Observation"
        key = resource.get("effectiveDateTime", "")[:10] if is_result else resource["id"]
        groups.setdefault(key, []).append(resource)
    return list(groups.values())


def _in_words(group: Sequence[Resource]) -> str:
    first = group[0]
    if first["resourceType"] == "Observation":
        values = ", ".join(_result_in_words(each) for each in group)
        return f"{first.get('effectiveDateTime', '')[:10]}  {values}"
    if first["resourceType"] == "Patient":
        name = first["name"][0]
        born = f"{first.get('gender', 'sex unknown')}, born {first.get('birthDate', 'unknown')}"
        return f"{' '.join(name['given'])} {name['family']}, {born}"
    words = first.get("code") or first.get("medicationCodeableConcept") or {}
    return f"{first['resourceType']}: {words.get('text') or words['coding'][0]['display']}"


def _result_in_words(observation: Resource) -> str:
    quantity = observation.get("valueQuantity", {})
    code = quantity.get("code", "")
    unit = code if code.startswith("[") else quantity.get("unit", "").replace("{INR}", "")
    words = f"{observation['code']['text']} {quantity.get('value', '')} {unit}".strip()
    return words if observation["status"] == "final" else f"{words} ({observation['status']})"
