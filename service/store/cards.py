"""The cards that EHRs were shown over CDS Hooks: feedback names nothing but a card."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Connection, select

from service.clinical.episodes import Tier
from service.store.query import among
from service.store.rows import insert_rows
from service.store.schema import cds_card

_encoder = msgspec.json.Encoder(order="deterministic")
_urgent_of = msgspec.json.Decoder(frozenset[str])


class Card(NamedTuple):
    """One revision of an alert, as a source's users see it."""

    id: UUID
    alert_id: UUID
    source_id: int
    tier: Tier
    """Of the alert as it was shown."""
    urgent: frozenset[str]
    """What made it urgent then (`alerts.states.urgent_criteria`)."""


def keep(connection: Connection, cards: Sequence[Card], now: datetime) -> None:
    """Keep cards; those shown before stay as they are."""
    rows = [
        (each.id, each.alert_id, each.source_id, int(each.tier), _encoder.encode(each.urgent).decode(), now)
        for each in sorted(cards)
    ]
    columns = ("id", "alert_id", "source_id", "tier", "urgent", "shown")
    insert_rows(connection, cds_card, columns, rows, keep=True)


def shown_to(connection: Connection, source_id: int, ids: Collection[UUID]) -> dict[UUID, Card]:
    """The cards of those ids that this source was shown."""
    query = select(cds_card).where(among(cds_card.c.id, ids), cds_card.c.source_id == source_id)
    rows = connection.execute(query)
    return {
        row.id: Card(row.id, row.alert_id, row.source_id, Tier(row.tier), _urgent_of.decode(row.urgent))
        for row in rows
    }
