"""How fresh what is known of each source is: when its feed last brought anything, when it was last asked."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, func, select
from sqlalchemy.dialects import postgresql, sqlite

from service.store import sources
from service.store.lost import may_be_the_feeds, stored_at
from service.store.schema import (
    catch_up,
    is_found_by_asking,
    is_live,
    last_message,
    resource,
    source,
)

LATELY: Final = timedelta(days=1)
_NOT_READ = "Subscription"
"""Takes turns as the types do, and brings nothing."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """Of one source."""

    last_message: datetime | None
    """When its feed last brought anything, heartbeats too; None: never."""
    caught_up: datetime | None
    """When each type that it lets be read had last been read to its end; None: never."""
    stale: bool
    """Its feed has been silent for longer than its setting allows."""


def message_came(connection: Connection, source_ids: Collection[int], at: datetime) -> None:
    """The feeds of these sources brought something."""
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(last_message)
    statement = insert.on_conflict_do_update(
        index_elements=[last_message.c.source_id],
        set_={"at": insert.excluded.at},
        where=last_message.c.at < insert.excluded.at,
    )
    came = {"at": at, "first": at}
    connection.execute(statement, [{"source_id": each, **came} for each in sorted(source_ids)])


def fed_since(connection: Connection) -> dict[int, datetime]:
    """Since when each source has a feed: when it first brought anything. Without those it never did of."""
    query = select(last_message.c.source_id, last_message.c.first)
    return {row[0]: row[1] for row in connection.execute(query)}


def lost_lately(connection: Connection, now: datetime, target: timedelta) -> dict[str, int]:
    """How many Observations of the last day their feed never brought and asking found, by name of source.

    They are told from others as by the measure `feed-lost`, by their latest version alone. Sources whose
    feed never brought anything are left out.

    Args:
        connection: an open transaction.
        now: the moment, aware.
        target: so long after the EHR stored it the feed may yet bring it.
    """
    lost = and_(
        resource.c.source_id == last_message.c.source_id,
        is_found_by_asking,
        is_live,
        resource.c.key.startswith("Observation/"),
        resource.c.received >= now - LATELY,
        stored_at(resource) >= last_message.c.first,
        stored_at(resource) < now - target,
        ~may_be_the_feeds(resource),
    )
    query = (
        select(source.c.name, func.count(resource.c.key))
        .join(last_message, last_message.c.source_id == source.c.id)
        .outerjoin(resource, lost)
        .group_by(source.c.name)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def of_every_source(connection: Connection, now: datetime) -> dict[str, Freshness]:
    """By name, of those that have not been removed."""
    messages = {
        row[0]: row[1] for row in connection.execute(select(last_message.c.source_id, last_message.c.at))
    }
    oldest = (
        select(catch_up.c.source_id, func.min(catch_up.c.read))
        .where(catch_up.c.read.is_not(None), catch_up.c.type != _NOT_READ)
        .group_by(catch_up.c.source_id)
    )
    read = {row[0]: row[1] for row in connection.execute(oldest)}
    created = sources.created(connection)
    found = {}
    for each in sources.every(connection):
        if each.active:
            allowed = each.settings.stale_after_seconds
            silent = now - messages.get(each.id, created[each.id])
            stale = bool(allowed) and silent > timedelta(seconds=allowed)
            found[each.name] = Freshness(messages.get(each.id), read.get(each.id), stale)
    return found
