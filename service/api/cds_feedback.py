"""What users did with cards, as decisions about alerts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlalchemy import Connection, Engine

from service.alerts.alert import Action, OverrideReason
from service.api.cds_cards import suggestion_id
from service.api.cds_requests import Coding, Feedback, uuid_of
from service.api.cds_trust import Client
from service.clinical.recommendations import orderable
from service.errors import InvalidResource, NotFound
from service.fhir import names
from service.fhir.wording import printable
from service.ingest import Rules
from service.review import Decided, dispose_all
from service.store import alerts, cards
from service.store.cards import Card
from service.store.session import reading

_OURS = frozenset(OverrideReason)
_LONGEST_REASON = 200


def record_feedback(engine: Engine, client: Client, told: Sequence[Feedback], rules: Rules) -> None:
    """Record all of it or nothing. What was recorded before is recognised, and nothing happens again.

    Who accepts a suggestion takes the alert on; who dismisses a card overrides the alert.

    Raises:
        NotFound: this source was never shown such a card.
        InvalidResource: a suggestion is not one of the card's.
        Conflict: the alert has become more urgent, or the decision is not possible any more.
    """
    with reading(engine) as connection:
        asked = {found for each in told if (found := uuid_of(each.card))}
        shown = cards.shown_to(connection, client.source.id, asked)
        decided = [
            (each.at, _decided(connection, each, _card(shown, each, number), number))
            for number, each in enumerate(told)
        ]
    decided.sort(key=lambda each: each[0])  # as they were done, however they were sent
    dispose_all(engine, [each for _, each in decided], by=client.user, rules=rules, now=datetime.now(UTC))


def _card(shown: dict[UUID, Card], told: Feedback, number: int) -> Card:
    found = uuid_of(told.card)
    if found is None or found not in shown:
        raise NotFound("there is no card of that id", where=f"feedback[{number}].card")
    return shown[found]


def _decided(connection: Connection, told: Feedback, card: Card, number: int) -> Decided:
    # The same feedback sent again has the same id, which is how a repetition is known.
    suggestions = sorted({each.id for each in told.accepted_suggestions or ()})
    made = uuid5(card.id, "/".join((told.outcome, told.at.isoformat(), *suggestions)))
    if told.outcome == "overridden":
        reason, note = _reason(told)
        decided = Decided(card.alert_id, Action.OVERRIDE, reason=reason, note=note, id=made)
        return replace(decided, seen_as=card.tier, seen_urgent=card.urgent)
    steps = _accepted(connection, told, card, number)
    note = f"Accepted: {', '.join(orderable(step).text for step in steps)}"
    decided = Decided(card.alert_id, Action.TAKE, note=note, id=made)
    return replace(decided, seen_as=card.tier, seen_urgent=card.urgent)


def _accepted(connection: Connection, told: Feedback, card: Card, number: int) -> list[str]:
    """Names of the steps whose suggestions were accepted."""
    steps = {
        suggestion_id(card.id, step): step for step in alerts.get(connection, card.alert_id).ever_advised
    }
    found = [uuid_of(each.id) for each in told.accepted_suggestions or ()]
    if not all(each in steps for each in found):
        raise InvalidResource(
            "that is no suggestion of the card", where=f"feedback[{number}].acceptedSuggestions"
        )
    return list(dict.fromkeys(steps[each] for each in found if each is not None))


def _reason(told: Feedback) -> tuple[str, str]:
    """Our code of the reason, and the note: the client's own reasons, or none, are `other`."""
    given = told.override_reason
    comment = (given.user_comment or "") if given else ""
    coding = given.reason if given else None
    if coding is None:
        return OverrideReason.OTHER.value, comment
    if coding.system in (None, names.OVERRIDE_REASON) and coding.code in _OURS:
        return coding.code, comment
    return OverrideReason.OTHER.value, ": ".join(filter(None, (_own_words(coding), comment)))


def _own_words(coding: Coding) -> str:
    return printable(coding.display or coding.code)[:_LONGEST_REASON]
