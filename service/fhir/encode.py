"""From an alert to the FHIR R4 resources that say it: DetectedIssue and ServiceRequest.

The same alert gives the same resources byte for byte; nothing here looks at a clock. How the resources point
at each other is the caller's: what is written to an EHR and what this service's own endpoint shows differ in
that alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from service.alerts.advising import SILENT
from service.alerts.alert import Alert, Disposition, State
from service.clinical.episodes import Step, Tier
from service.clinical.recommendations import (
    Orderable,
    alerting_findings,
    evidence_for,
    evidence_of,
    orderables,
)
from service.clinical.results import ResultKey
from service.clinical.saying import analyte_in_words
from service.fhir import names, wording

Resource = dict[str, Any]

_SEVERITY = {Tier.URGENT: "high", Tier.SOON: "moderate", Tier.ROUTINE: "low"}
_PRIORITY = {Tier.URGENT: "asap", Tier.SOON: "urgent", Tier.ROUTINE: "routine"}
_ERRONEOUS = frozenset({State.ENTERED_IN_ERROR, State.MERGED})


@dataclass(frozen=True, slots=True)
class Addresses:
    """How the resources of one alert refer to their surroundings."""

    patient: str
    """Reference to the Patient."""
    issue: str
    """Reference to the DetectedIssue (in a transaction that creates it: its `urn:uuid:`)."""
    author: str | None
    """Reference to this service's Device."""
    source: str
    """Name of the source; results of any other are named in words, for they live on another server."""
    public_url: str
    """Where the rule pages are."""
    observation_base: str = ""
    """Put before `Type/id` of what holds a result: empty on the server that holds them."""
    gone: frozenset[str] = frozenset()
    """`observation_id` of results retracted, or deleted on the server: a reference to them may be refused."""
    rulebook_version: str | None = None
    """Version of the rules that proposals name; None: whichever is the latest."""

    def observations(self, keys: Iterable[ResultKey]) -> list[Resource]:
        """References to what holds those results, each once: a component is its Observation."""
        references: dict[str, Resource] = {}
        for key in keys:
            if key.source != self.source:
                references[f"{key.source}/{key.observation_id}"] = {"display": f"A result in {key.source}"}
            elif key.observation_id in self.gone:
                references[key.observation_id] = {
                    "display": "A result that has since been retracted or deleted"
                }
            else:
                reference = f"{self.observation_base}{key.resource}"
                references[key.observation_id] = {"reference": reference}
        return list(references.values())


def is_erroneous(alert: Alert) -> bool:
    """Whether the EHR should hold it as entered in error, or not at all."""
    return alert.state in _ERRONEOUS


def encode_issue(
    alert: Alert, to: Addresses, dispositions: Sequence[Disposition] = (), *, with_id: bool = False
) -> Resource:
    """The DetectedIssue of an alert.

    Args:
        alert: as it stands.
        to: how it refers to its surroundings.
        dispositions: what people decided about it, in any order; those that did something become mitigations.
        with_id: give it the alert's UUID as its id (on this service's own endpoint).
    """
    code, words = wording.headline(alert)
    lines = wording.standing(alert) + wording.why(alert)
    implicated = to.observations(evidence_of(alerting_findings(alert.episode)))
    mitigations = [
        _mitigation(made)
        for made in sorted(dispositions, key=lambda each: (each.at, each.id))
        if made.action in wording.MITIGATING
    ]
    return without_nothing(
        {
            "resourceType": "DetectedIssue",
            "id": str(alert.id) if with_id else None,
            "text": wording.narrative(words, lines),
            "identifier": [{"system": names.ALERT, "value": str(alert.id)}],
            "status": _status(alert),
            "code": _concept(names.FINDING, code, names.finding_in_words(code), words),
            "severity": _SEVERITY[alert.tier],
            "patient": {"reference": to.patient},
            **_identified(alert),
            "author": {"reference": to.author} if to.author else None,
            "implicated": implicated,
            "evidence": _evidence(alert, to),
            "detail": "\n".join(lines),
            "reference": f"{to.public_url.rstrip('/')}/rules/{code}",
            "mitigation": mitigations,
        }
    )


def encode_requests(alert: Alert, to: Addresses, *, with_id: bool = False) -> dict[str, Resource]:
    """Every ServiceRequest there is of an alert, by the name of its step; for ever, once it was advised.

    Args:
        alert: as it stands.
        to: how they refer to their surroundings.
        with_id: give each an id (on this service's own endpoint).

    Returns:
        First those advised now, the most urgent first, all of them revoked once the alert asks for nothing
        more; then those no longer advised, revoked.
    """
    requests = {step.name: _request(alert, step, to, with_id) for step in alert.steps}
    past = sorted(alert.ever_advised - requests.keys())
    return requests | {name: _withdrawn(alert, name, to, with_id) for name in past}


def request_statuses(alert: Alert) -> dict[str, str]:
    """The status of each of `encode_requests`, by the name of its step, without making them."""
    statuses = dict.fromkeys(sorted(alert.ever_advised), "revoked")
    return statuses | {step.name: _request_status(alert) for step in alert.steps}


def instant(moment: datetime) -> str:
    """A FHIR instant in UTC, to the millisecond: the finest that every server keeps."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _status(alert: Alert) -> str:
    if is_erroneous(alert):
        return "entered-in-error"
    return "final" if alert.seen or alert.state is State.RESOLVED else "preliminary"


def _identified(alert: Alert) -> Resource:
    episode = alert.episode
    start = (episode.alerts_from or episode.onset).isoformat()
    if episode.resolved is None:
        return {"identifiedDateTime": start}
    return {"identifiedPeriod": {"start": start, "end": episode.resolved.isoformat()}}


def _evidence(alert: Alert, to: Addresses) -> list[Resource]:
    evidence = []
    for finding in alerting_findings(alert.episode):
        for reason in finding.reasons:
            code = wording.reason_code(finding, reason)
            words = names.finding_in_words(code)
            concept = _concept(names.FINDING, code, words, f"{words}: {analyte_in_words(finding.analyte)}")
            entry: Resource = {"code": [concept], "detail": to.observations(reason.evidence)}
            evidence.append(without_nothing(entry))
    return evidence


def _mitigation(made: Disposition) -> Resource:
    return {
        "action": _concept(names.ACTION, made.action.value, None, wording.mitigation(made)),
        "date": instant(made.at),
        "author": {"type": "Practitioner", "display": wording.printable(made.by)},
    }


def _request_status(alert: Alert) -> str:
    return "revoked" if alert.state in SILENT else "active"


def _request(alert: Alert, step: Step, to: Addresses, with_id: bool) -> Resource:
    order, over = orderables()[step.name], alert.state in SILENT
    note = f"{order.rationale} Source: {order.source}."
    return without_nothing(
        {
            "resourceType": "ServiceRequest",
            "id": names.step_id(alert.id, step.name) if with_id else None,
            "text": (
                wording.no_longer_advised(order.text)
                if over
                else wording.narrative(f"Proposed: {order.text}", [f"Due: {step.due}", note])
            ),
            "identifier": [{"system": names.STEP, "value": names.step_value(alert.id, step.name)}],
            "instantiatesCanonical": [
                names.canonical(
                    "PlanDefinition", wording.rule_code(step.kinds[0], step.criteria), to.rulebook_version
                )
            ],
            "status": _request_status(alert),
            "intent": "proposal",
            "priority": _PRIORITY[step.priority],
            "code": _ordered(order),
            "subject": {"reference": to.patient},
            "occurrenceDateTime": step.due.isoformat(),
            "requester": {"reference": to.author} if to.author else None,
            "reasonReference": to.observations(evidence_for(step, alert.episode)),
            "supportingInfo": [{"reference": to.issue}],
            "note": [{"text": note}, *([names.NO_LONGER_ADVISED] if over else [])],
        }
    )


def _withdrawn(alert: Alert, name: str, to: Addresses, with_id: bool) -> Resource:
    """The request of a step that the alert advised once: revoked, and bare of what has changed since.

    When it was due and which results it rested on stand in its earlier versions; results that have been
    deleted since could not be referred to any more.
    """
    order = orderables().get(name) or Orderable(name, name.replace("-", " ").capitalize(), "", "")
    return without_nothing(
        {
            "resourceType": "ServiceRequest",
            "id": names.step_id(alert.id, name) if with_id else None,
            "text": wording.no_longer_advised(order.text),
            "identifier": [{"system": names.STEP, "value": names.step_value(alert.id, name)}],
            "status": "revoked",
            "intent": "proposal",
            "code": _ordered(order),
            "subject": {"reference": to.patient},
            "requester": {"reference": to.author} if to.author else None,
            "supportingInfo": [{"reference": to.issue}],
            "note": [names.NO_LONGER_ADVISED],
        }
    )


def _ordered(order: Orderable) -> Resource:
    """The code of a step, or its words where no code was verified."""
    if order.coding is None:
        return {"text": order.text}
    return _concept(order.coding.system, order.coding.code, order.display, order.text)


def _concept(system: str, code: str, display: str | None, text: str) -> Resource:
    return {"coding": [without_nothing({"system": system, "code": code, "display": display})], "text": text}


def without_nothing(resource: Resource) -> Resource:
    """FHIR has neither null nor empty lists: an element without a value is left out."""
    return {name: value for name, value in resource.items() if value is not None and value != []}
