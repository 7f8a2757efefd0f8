"""From an alert to the FHIR R4 DetectedIssue that says it; what it advises is in `encode_requests`.

The same alert gives the same resources byte for byte; nothing here looks at a clock. How the resources point
at each other is the caller's: what is written to an EHR and what this service's own endpoint shows differ in
that alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from service.alerts.alert import Alert, Disposition, State
from service.clinical.catalogues.causes import known_causes
from service.clinical.causes.cause import Evidence
from service.clinical.episodes import Plan, Tier
from service.clinical.recommendations import alerting_findings, evidence_of
from service.clinical.results import ResultKey
from service.clinical.rulebook_texts import SiteTexts
from service.clinical.saying import analyte_in_words
from service.fhir import names, wording

Resource = dict[str, Any]

_SEVERITY = {Tier.URGENT: "high", Tier.SOON: "moderate", Tier.ROUTINE: "low"}
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
    """Put before `Type/id` of what holds a result or other evidence: empty on the server that holds them."""
    gone: frozenset[str] = frozenset()
    """What is retracted, or deleted on the server: a reference to it may be refused. See `referred`."""
    rulebook_version: str | None = None
    """Version of the rules that proposals name; None: whichever is the latest."""
    texts: SiteTexts = field(default_factory=dict)
    """Paragraphs of advice that the site says otherwise."""

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

    def evidence(self, of: Evidence) -> list[Resource]:
        """References to all that it rests on, each once; results first."""
        others = [
            {"display": "A part of the record that has since been retracted or deleted"}
            if each in self.gone
            else {"reference": f"{self.observation_base}{each}"}
            for each in dict.fromkeys(of.resources)
        ]
        return [*self.observations(of.results), *others]


def referred(alert: Alert, source: str) -> dict[str, str]:
    """All of a source that an alert rests on: `Type/id` → what `Addresses.gone` calls it.

    A result goes by the `observation_id` of its key, anything else by its `Type/id`.
    """
    spoken = _speaking_for(alert.episode.plan)
    keys = {*evidence_of(alerting_findings(alert.episode)), *(key for each in spoken for key in each.results)}
    found = {each: each for evidence in spoken for each in evidence.resources}
    return found | {key.resource: key.observation_id for key in keys if key.source == source}


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
    lines = wording.standing(alert) + wording.why(alert) + wording.plan(alert.episode.plan)
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
            "code": concept(names.FINDING, code, names.finding_in_words(code), words),
            "severity": _SEVERITY[alert.tier],
            "patient": {"reference": to.patient},
            **_identified(alert),
            "author": {"reference": to.author} if to.author else None,
            "implicated": implicated,
            "evidence": _evidence(alert, to) + _grounds(alert.episode.plan, to),
            "detail": "\n".join(lines),
            "reference": f"{to.public_url.rstrip('/')}/rules/{code}",
            "mitigation": mitigations,
        }
    )


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
            found = concept(names.FINDING, code, words, f"{words}: {analyte_in_words(finding.analyte)}")
            entry: Resource = {"code": [found], "detail": to.observations(reason.evidence)}
            evidence.append(without_nothing(entry))
    return evidence


def _grounds(plan: Plan, to: Addresses) -> list[Resource]:
    """What speaks for each cause: conditions, drugs and examinations, beside results."""
    grounds = []
    for cause in plan.causes:
        if cause.speaks_for:
            title = known_causes()[cause.name].title
            code = concept(names.CAUSE, cause.name.value, title, f"Possible cause: {title}")
            details = [each for evidence in cause.speaks_for for each in to.evidence(evidence)]
            once = [each for place, each in enumerate(details) if each not in details[:place]]
            grounds.append(without_nothing({"code": [code], "detail": once}))
    return grounds


def _speaking_for(plan: Plan) -> list[Evidence]:
    return [evidence for cause in plan.causes for evidence in cause.speaks_for]


def _mitigation(made: Disposition) -> Resource:
    return {
        "action": concept(names.ACTION, made.action.value, None, wording.mitigation(made)),
        "date": instant(made.at),
        "author": {"type": "Practitioner", "display": wording.printable(made.by)},
    }


def concept(system: str, code: str, display: str | None, text: str) -> Resource:
    """A CodeableConcept of one code."""
    return {"coding": [without_nothing({"system": system, "code": code, "display": display})], "text": text}


def without_nothing(resource: Resource) -> Resource:
    """FHIR has neither null nor empty lists: an element without a value is left out."""
    return {name: value for name, value in resource.items() if value is not None and value != []}
