"""From the steps of an alert to FHIR R4 requests: orders are ServiceRequests, advice CommunicationRequests.

Orders are proposals to a clinician. Advice to the prescriber is in English; advice to the patient is in the
language of the source, and all that it says is in the catalogues. Nothing here looks at a clock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from service.alerts.advising import SILENT
from service.alerts.alert import Alert
from service.clinical.advice import Said, said
from service.clinical.episodes import Step, Tier
from service.clinical.recommendations import (
    OVERDUE,
    OVERDUE_AFTER_REST,
    OVERDUE_ON_DRUGS,
    Audience,
    Orderable,
    evidence_for,
    orderable,
)
from service.fhir import names, wording
from service.fhir.encode import Addresses, Resource, concept, without_nothing
from service.languages import Words, english

KIND_FOR: Final[Mapping[Audience, str]] = {
    Audience.CLINICIAN: "ServiceRequest",
    Audience.PRESCRIBER: "CommunicationRequest",
    Audience.PATIENT: "CommunicationRequest",
}
"""The type of the request that says a step."""

_CATEGORY = {Audience.PRESCRIBER: "Advice to the prescriber", Audience.PATIENT: "Advice to the patient"}
_TO_GUARDIAN = "Advice to the patient's parent or guardian"
_TELLS_OF_OVERDUE = (OVERDUE, OVERDUE_AFTER_REST, OVERDUE_ON_DRUGS)
"""Steps that tell staff which tests are overdue, and since when."""
_PRIORITY = {Tier.URGENT: "asap", Tier.SOON: "urgent", Tier.ROUTINE: "routine"}


@dataclass(frozen=True, slots=True)
class _Telling:
    """One step of an alert, as it is to be told."""

    alert: Alert
    order: Orderable
    step: Step | None
    """None: it was advised once and is not now."""
    due: Mapping[str, date]
    """When each step that is advised now is due, by name."""
    to: Addresses
    words: Words
    """In the language of who reads it."""
    with_id: bool

    @property
    def over(self) -> bool:
        """Whether it is taken back."""
        return self.step is None or self.alert.state in SILENT

    @property
    def paragraphs(self) -> list[str]:
        """All that an advice says; to the prescriber also of which drugs and overdue tests."""
        told = [self._in_words(one) for one in said(self.order, self.due)]
        if self.order.audience is Audience.PRESCRIBER:
            told += [*self.overdue, *wording.drugs_in_question(self.alert.episode.plan)]
        return told

    @property
    def overdue(self) -> list[str]:
        """Each test that is overdue, with its dates, where the step is about that."""
        about = self.step is not None and self.order.name in _TELLS_OF_OVERDUE
        return wording.overdue(self.alert.episode) if about else []

    def _in_words(self, one: Said) -> str:
        """As the site says it, else as this release does."""
        own = self.to.texts.get(one.name, {}).get(self.words.language)
        return self.words.say(one.text, **one.values) if own is None else self.words.fill(own, **one.values)


def encode_requests(
    alert: Alert, to: Addresses, words: Words | None = None, *, with_id: bool = False
) -> dict[str, Resource]:
    """Every request there is of an alert, by the name of its step; for ever, once it was advised.

    Args:
        alert: as it stands.
        to: how they refer to their surroundings.
        words: the language that the patient is written to in; None: English.
        with_id: give each an id (on this service's own endpoint).

    Returns:
        First those advised now, the most urgent first, all of them revoked once the alert asks for nothing
        more; then those no longer advised, revoked.
    """
    advised = {step.name: step for step in alert.steps}
    due = {name: step.due for name, step in advised.items()}
    requests = {}
    for name in (*advised, *sorted(alert.ever_advised - advised.keys())):
        order = orderable(name)
        spoken = words if words is not None and order.audience is Audience.PATIENT else english()
        telling = _Telling(alert, order, advised.get(name), due, to, spoken, with_id)
        requests[name] = _ENCODERS[KIND_FOR[order.audience]](telling)
    return requests


def request_statuses(alert: Alert, kind: str | None = None) -> dict[str, str]:
    """The status of each of `encode_requests`, or of those of one type, by its step, without making them."""
    statuses = dict.fromkeys(sorted(alert.ever_advised), "revoked")
    statuses |= {step.name: "revoked" if alert.state in SILENT else "active" for step in alert.steps}
    return {
        name: status
        for name, status in statuses.items()
        if kind is None or KIND_FOR[orderable(name).audience] == kind
    }


def _ordered(telling: _Telling) -> Resource:
    """The ServiceRequest of a step.

    Of one no longer advised it is bare of what has changed since. When it was due and which results it rested
    on stand in its earlier versions; results that have been deleted since could not be referred to any more.
    """
    step, order, to = telling.step, telling.order, telling.to
    told = [f"Due: {step.due}", _rationale(order), *telling.overdue] if step else []
    return without_nothing(
        {
            **_beginning(telling, wording.narrative(f"Proposed: {order.text}", told)),
            "instantiatesCanonical": [_rule(step, to)] if step else [],
            "status": _status(telling),
            "intent": "proposal",
            "priority": _PRIORITY[step.priority] if step else None,
            "code": _coded(order),
            "subject": {"reference": to.patient},
            "occurrenceDateTime": step.due.isoformat() if step else None,
            "requester": {"reference": to.author} if to.author else None,
            "reasonReference": _evidence(telling),
            "supportingInfo": [{"reference": to.issue}],
            "note": _notes(telling),
        }
    )


def _advised(telling: _Telling) -> Resource:
    """The CommunicationRequest of a step: R4 has no code there, so its category says what it is."""
    step, order, to = telling.step, telling.order, telling.to
    to_patient = order.audience is Audience.PATIENT
    paragraphs = telling.paragraphs if step else []
    title = telling.words.say(order.text)
    whom = _TO_GUARDIAN if order.to_guardian else _CATEGORY[order.audience]
    own_code = concept(names.STEP_CODE, order.name, None, order.text)
    return without_nothing(
        {
            **_beginning(telling, wording.narrative(title, paragraphs)),
            "status": _status(telling),
            "category": [{"text": whom}, own_code],
            "priority": _PRIORITY[step.priority] if step else None,
            "subject": {"reference": to.patient},
            "about": [{"reference": to.issue}],
            "payload": [{"contentString": "\n\n".join(paragraphs)}] if paragraphs else [],
            "occurrenceDateTime": step.due.isoformat() if step else None,
            "requester": {"reference": to.author} if to.author else None,
            "recipient": [{"reference": to.patient}] if to_patient else [],
            "reasonReference": _evidence(telling),
            "note": _notes(telling),
        }
    )


_ENCODERS: Final[Mapping[str, Callable[[_Telling], Resource]]] = {
    "ServiceRequest": _ordered,
    "CommunicationRequest": _advised,
}


def _beginning(telling: _Telling, narrative: dict[str, str]) -> Resource:
    """Type, id, language, narrative and identifier: what every request begins with."""
    alert, order = telling.alert, telling.order
    to_patient = order.audience is Audience.PATIENT
    title = telling.words.say(order.text)
    return {
        "resourceType": KIND_FOR[order.audience],
        "id": names.step_id(alert.id, order.name) if telling.with_id else None,
        "language": telling.words.language if to_patient else None,
        "text": wording.no_longer_advised(title, telling.words) if telling.over else narrative,
        "identifier": [{"system": names.STEP, "value": names.step_value(alert.id, order.name)}],
    }


def _status(telling: _Telling) -> str:
    return "revoked" if telling.over else "active"


def _rationale(order: Orderable) -> str:
    return f"{order.rationale} Source: {order.source}."


def _notes(telling: _Telling) -> list[dict[str, str]]:
    """For staff: why it was advised, and whether it is taken back."""
    to_clinician = telling.order.audience is Audience.CLINICIAN
    why = [_rationale(telling.order), *(telling.overdue if to_clinician else ())] if telling.step else []
    notes = [{"text": each} for each in why]
    return [*notes, names.NO_LONGER_ADVISED] if telling.over else notes


def _evidence(telling: _Telling) -> list[Resource]:
    """The results that it rests on."""
    if telling.step is None:
        return []
    return telling.to.observations(evidence_for(telling.step, telling.alert.episode))


def _rule(step: Step, to: Addresses) -> str:
    rule = wording.rule_code(step.kinds[0], step.criteria)
    return names.canonical("PlanDefinition", rule, to.rulebook_version)


def _coded(order: Orderable) -> Resource:
    """The code of a step, or its words where no code was verified."""
    if order.coding is None:
        return {"text": order.text}
    return concept(order.coding.system, order.coding.code, order.display, order.text)
