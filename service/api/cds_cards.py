"""From a patient's alerts to the cards that CDS Hooks 2.0 shows whoever opens the record."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID, uuid5

from service.alerts.alert import Alert, OverrideReason, State
from service.api.alert_search import Stored
from service.api.presenting import Surroundings
from service.clinical.episodes import Level, Plan, Tier
from service.clinical.recommendations import Audience, alerting_findings, orderable
from service.clinical.saying import analyte_in_words, number, quantity
from service.fhir import names, wording
from service.fhir.encode import Addresses
from service.fhir.encode_requests import encode_requests, request_statuses
from service.fhir.outgoing import validate_outgoing

Json = dict[str, Any]

AWAKE: Final = frozenset({State.OPEN, State.TAKEN, State.ESCALATED, State.REFERRED})
"""States of which there are cards: what sleeps, was overridden or is over interrupts nobody."""

LONGEST_SUMMARY: Final = 139
"""Characters; the specification wants fewer than 140."""

_INDICATOR: Final = {Tier.URGENT: "critical", Tier.SOON: "warning", Tier.ROUTINE: "info"}
_STATE: Final = {
    State.OPEN: "Nobody has taken this on yet.",
    State.ESCALATED: "Escalated to a physician.",
    State.REFERRED: "Referred to another service.",
}
# What Markdown would take for a mark, an HTML tag, an entity, a mention or an address to link to.
_MARKS = re.compile(r"[\\`*_~\[\]<>|&#@!]|:(?=//)|(?<=www)\.", re.IGNORECASE)
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Table:
    """Where the cards of one source are made."""

    public_url: str
    rulebook_version: str

    def cards(self, found: Iterable[Stored], around: Surroundings) -> list[Json]:
        """The cards of those alerts that are awake, the most urgent first.

        Raises:
            InvalidOutgoing: an order we propose is not valid R4; it must not leave.
        """
        awake = [each for each in found if each.alert.state in AWAKE]
        awake.sort(key=lambda each: (-each.alert.tier, each.alert.created, each.alert.id))
        return [self._card(each, around) for each in awake]

    def _card(self, stored: Stored, around: Surroundings) -> Json:
        alert = stored.alert
        suggestions = self._suggestions(stored, around)
        links = [
            {
                "label": f"The rule: {names.finding_in_words(code)}",
                "url": self._rule(code),
                "type": "absolute",
            }
            for code in dict.fromkeys(map(wording.finding_code, alerting_findings(alert.episode)))
        ]
        card = {
            "uuid": str(card_id(alert)),
            "summary": summary(alert),
            "detail": _detail(alert, around),
            "indicator": _INDICATOR[alert.tier],
            "source": self._source(alert),
            "overrideReasons": override_reasons(),
            "links": links,
        }
        if suggestions:
            card |= {"suggestions": suggestions, "selectionBehavior": "any"}
        return card

    def _rule(self, code: str) -> str:
        return f"{self.public_url.rstrip('/')}/rules/{code}"

    def _source(self, alert: Alert) -> Json:
        code, _ = wording.headline(alert)
        topic = {"system": names.FINDING, "code": code, "display": names.finding_in_words(code)}
        return {"label": "Liverwatch", "url": self._rule(code), "topic": topic}

    def _suggestions(self, stored: Stored, around: Surroundings) -> list[Json]:
        alert = stored.alert
        # The client puts them into its own server: what they refer to is there.
        to = Addresses(
            patient=f"Patient/{stored.patient}",
            issue="",
            author=None,  # who accepts one requests it
            source=stored.source.name,
            public_url=self.public_url,
            gone=around.gone.get(stored.source.id, frozenset()),
            rulebook_version=self.rulebook_version,
        )
        orders = encode_requests(alert, to)
        live = [
            name for name, status in request_statuses(alert, "ServiceRequest").items() if status == "active"
        ]
        steps = [step for step in alert.steps if step.name in live]
        first = max((step.priority for step in steps), default=None)
        return [
            _suggestion(alert, step.name, orders[step.name], recommended=step.priority == first)
            for step in steps
        ]


def card_id(alert: Alert) -> UUID:
    """The card's id: the same for everybody who sees this revision of the alert."""
    return uuid5(alert.id, f"card/{alert.revision}")


def suggestion_id(card: UUID, step: str) -> UUID:
    """The id of the suggestion to order that step."""
    return uuid5(card, step)


def override_reasons() -> list[Json]:
    """Why a card may be dismissed: the reasons that every override has."""
    return [
        {
            "system": names.OVERRIDE_REASON,
            "code": reason.value,
            "display": reason.value.replace("-", " ").capitalize(),
        }
        for reason in OverrideReason
    ]


def summary(alert: Alert) -> str:
    """What was found, and the highest of the latest levels where there is room for it."""
    words = _one_line(wording.headline(alert)[1])
    highest = max(alert.episode.latest, key=lambda level: level.multiple, default=None)
    longer = words if highest is None else f"{words}. {_level(highest)}"
    said = longer if len(longer) <= LONGEST_SUMMARY else words
    return said if len(said) <= LONGEST_SUMMARY else f"{said[: LONGEST_SUMMARY - 1].rstrip()}…"


def _level(level: Level) -> str:
    times = f"{number(level.multiple)} × the upper limit"
    return f"{analyte_in_words(level.analyte)} {quantity(level.analyte, level.value)}, {times}"


def _suggestion(alert: Alert, step: str, order: Json, *, recommended: bool) -> Json:
    card = card_id(alert)
    # It is the clinician's own order: under the identifier of our proposal it would be taken for that one.
    proposal = order.pop("identifier")[0]
    order["supportingInfo"] = [_named("DetectedIssue", {"system": names.ALERT, "value": str(alert.id)})]
    kind, text, *rest = order.items()
    resource = dict([kind, text, ("basedOn", [_named("ServiceRequest", proposal)]), *rest])
    validate_outgoing(resource)
    words = orderable(step).text
    return {
        "label": words,
        "uuid": str(suggestion_id(card, step)),
        "isRecommended": recommended,
        "actions": [{"type": "create", "description": f"Propose: {words}", "resource": resource}],
    }


def _named(kind: str, identifier: Json) -> Json:
    """A reference by identifier: its address on the client's server is not known here."""
    return {"type": kind, "identifier": identifier}


def _detail(alert: Alert, around: Surroundings) -> str:
    """Why, what may lie behind it, and what has been done, as Markdown."""
    plan = alert.episode.plan
    sections = (
        ("Why", wording.why(alert)),
        ("Possible causes", _causes(plan)),
        ("Done already", wording.plan(replace(plan, causes=()))),
        ("Advice to the prescriber", _advice(alert)),
        ("Decisions so far", _decisions(alert, around)),
    )
    told = [f"**{title}**\n\n{_listed(lines)}" for title, lines in sections if lines]
    return "\n\n".join((*map(markdown, _standing(alert)), *told))


def _standing(alert: Alert) -> list[str]:
    taken = [f"Taken on by {alert.owner}."] if alert.state is State.TAKEN and alert.owner else []
    return [*taken, *([_STATE[alert.state]] if alert.state in _STATE else [])]


def _causes(plan: Plan) -> list[str]:
    return [line.removeprefix("Possible cause: ") for line in wording.plan(replace(plan, done=()))]


def _advice(alert: Alert) -> list[str]:
    orders = (orderable(step.name) for step in alert.steps)
    return [each.text for each in orders if each.audience is Audience.PRESCRIBER]


def _decisions(alert: Alert, around: Surroundings) -> list[str]:
    known = (around.dispositions[each] for each in alert.dispositions if each in around.dispositions)
    return [
        f"{made.at.date()}, {made.by}: {wording.mitigation(made)}"
        for made in known
        if made.action in wording.MITIGATING
    ]


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {markdown(line)}" for line in lines)


def markdown(text: str) -> str:
    """The text as GitHub Flavored Markdown that says just that: no mark-up, link or image comes out of it."""
    return _MARKS.sub(r"\\\g<0>", _one_line(text))


def _one_line(text: str) -> str:
    return _BLANKS.sub(" ", wording.printable(text)).strip()
