"""The plan of an alert as it is shown: what may lie behind it, what comes next, what is done already."""

from collections.abc import Iterable
from typing import Any

from service.alerts.advising import SILENT
from service.alerts.alert import Alert
from service.clinical.catalogues.causes import known_causes
from service.clinical.causes.cause import Evidence
from service.clinical.episodes import Step
from service.clinical.recommendations import orderable
from service.fhir import wording


def as_objects(alert: Alert) -> dict[str, Any]:
    """Causes, steps and what is done already, as `--json` writes them and pages show them.

    The steps are those that stand on this alert: what another alert of the patient asks for too is told once.
    An alert that was overridden, or is over, asks for none.
    """
    plan = alert.episode.plan
    return {
        "causes": [
            {
                "cause": cause.name.value,
                "title": known_causes()[cause.name].title,
                "for": _evidence(cause.speaks_for),
                "against": _evidence(cause.speaks_against),
                "unknown": _evidence(cause.unknown),
                "notes": _evidence(cause.notes),
            }
            for cause in plan.causes
        ],
        "steps": [_step(step) for step in alert.steps] if alert.state not in SILENT else [],
        "done": [
            {
                "step": done.name,
                "text": orderable(done.name).text,
                "day": done.day,
                "ordered": done.ordered,
                "shown_by": list(done.shown_by),
            }
            for done in plan.done
        ],
    }


def as_lines(alert: Alert) -> list[str]:
    """The same in the words of the DetectedIssue, naming the resources that each thing rests on."""
    steps = alert.steps if alert.state not in SILENT else ()
    told = [f"Next, by {step.due}: {orderable(step.name).text}." for step in steps]
    return [wording.printable(line) for line in (*wording.plan(alert.episode.plan, referring=True), *told)]


def _step(step: Step) -> dict[str, Any]:
    described = orderable(step.name)
    return {
        "step": step.name,
        "text": described.text,
        "for": described.audience.value,
        "due": step.due,
        "priority": step.priority.name.lower(),
        "rationale": described.rationale,
        "guideline": described.source,
    }


def _evidence(given: Iterable[Evidence]) -> list[dict[str, Any]]:
    return [{"words": each.words, "resources": wording.references(each)} for each in given]
