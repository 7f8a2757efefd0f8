"""The Subscriptions at an EHR: made, looked after, asked for again when given up, taken away."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from service.catchup.gaps import OPERATIONS
from service.errors import ConfigurationError
from service.fhir.capabilities import Capabilities
from service.fhir.client import FhirClient
from service.fhir.remote import RemoteRefused
from service.fhir.subscriptions import Hook, Resource, wanted
from service.store import catch_up, subscriptions
from service.store.session import reading, writing
from service.store.sources import Source
from service.store.subscriptions import GONE, Kept

_GIVEN_UP: Final = frozenset({"error", "off"})
_PATIENCE: Final = timedelta(minutes=15)
"""How long one that was asked for again is left to itself."""


def connect(
    engine: Engine,
    source: Source,
    client: FhirClient,
    hook: Hook,
    now: datetime,
    *,
    topics: tuple[str, ...] = (),
) -> tuple[Capabilities, list[Kept]]:
    """Make the Subscriptions a source's server understands, in place of those made before.

    Raises:
        ConfigurationError: the server offers none, or none to any topic that is known.
        RemoteError: it did not answer, or refused.
    """
    offered = client.capabilities_and_topics()
    if offered.interactions and not offered.can("Subscription", "create"):
        raise ConfigurationError(
            "the server offers no Subscription to create: what changes is found by asking it, "
            "or its administrator makes one that sends to the feed"
        )
    resources = wanted(offered, hook, topics)
    if not resources:
        raise ConfigurationError("the server names no topic: give one with --topic")
    disconnect(engine, source, client)
    made: list[Kept] = []
    for each in resources:
        kept = _made(source, client, each, offered, now)
        with writing(engine) as connection:
            subscriptions.add(connection, kept)
        made.append(kept)
    with writing(engine) as connection:
        catch_up.hurry(connection, source.id, now)
    return offered, made


def _made(source: Source, client: FhirClient, wanted: Resource, offered: Capabilities, now: datetime) -> Kept:
    """Make one. Many servers show nothing of what they made, and say only where it is."""
    answer = client.create(wanted)
    id_ = answer.id_of("Subscription")
    if id_ is None:
        raise RemoteRefused("POST Subscription: the server made one and does not say which")
    subject = str(wanted.get("topic") or wanted["criteria"])
    by_topic = "topic" in wanted or "?" not in subject
    return Kept(
        source.id,
        id_,
        subject,
        str(answer.resource.get("status", "requested")),
        now,
        operations=tuple(each for each in OPERATIONS if each in offered.operations) if by_topic else (),
        events=0 if by_topic else None,
    )


def look_after(engine: Engine, source: Source, client: FhirClient, now: datetime) -> list[Kept]:
    """See how each stands, and ask for those again that the server has given up.

    Of what changed until one became active nobody was told: everything is asked for then.

    Raises:
        RemoteError: the server did not answer, or refused.
    """
    with reading(engine) as connection:
        known = subscriptions.of_source(connection, source.id)
    for kept in known:
        there = client.read("Subscription", kept.fhir_id)
        status = GONE if there is None else str(there.get("status", "unknown"))
        waited = kept.asked_again is None or now - kept.asked_again >= _PATIENCE
        again = there is not None and status in _GIVEN_UP and waited
        if there is not None and again:
            asked = {name: value for name, value in there.items() if name not in ("error", "meta")}
            status = str(client.update({**asked, "status": "requested"}).resource.get("status", "requested"))
        with writing(engine) as connection:
            subscriptions.seen(connection, kept, status, now, asked_again=again)
            if status == "active" != kept.status:
                catch_up.hurry(connection, source.id, now)
    with reading(engine) as connection:
        return subscriptions.of_source(connection, source.id)


def disconnect(engine: Engine, source: Source, client: FhirClient) -> int:
    """Take away those made here; how many there were.

    Raises:
        RemoteError: the server did not answer, or refused.
    """
    with reading(engine) as connection:
        known = subscriptions.of_source(connection, source.id)
    for kept in known:
        client.delete("Subscription", kept.fhir_id)
        with writing(engine) as connection:
            subscriptions.forget(connection, kept)
    return len(known)
