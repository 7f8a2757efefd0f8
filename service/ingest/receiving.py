"""Taking resources in: one transaction from what arrived to what was decided about it."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine

from service.errors import Overloaded
from service.fhir.decode import tombstone
from service.fhir.incoming import Deleted, Incoming
from service.ingest.arrivals import arrive, identifier_text
from service.ingest.concluding import conclude
from service.ingest.in_force import RulebookChanged
from service.ingest.judging import FAILED
from service.ingest.rules import Rules
from service.ingest.storing import LostRace, Receipt, Step, read_again, store
from service.store import fetches, gaps, heard, identities, messages, patients, quarantine, resources
from service.store.heard import Heard
from service.store.messages import Message
from service.store.patients import Vanished
from service.store.quarantine import Held
from service.store.resources import Version
from service.store.rows import AlreadyThere
from service.store.session import is_away, is_conflict, reading, writing
from service.store.sources import Source
from service.store.ways import Way, outranks

log = logging.getLogger(__name__)

STORING_FAILED = "storing-failed"
"""Quarantine reason of what could not even be stored as a resource."""

ATTEMPTS = 8
"""How often a transaction that lost a race is done again."""
PATIENCE_SECONDS = 20.0
"""After so long it is not done again: whoever sends it does better to wait and send it again."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one request, or one chunk of a file, brought."""

    source: Source
    incoming: Sequence[Incoming]
    received: datetime
    way: Way
    """By which it came."""
    fetches: Collection[str] = ()
    """`Type/id` of what it only pointed at; `fetches.WHATEVER` where it named nothing."""
    heard: Heard | None = None
    """What it said of its Subscription."""
    message: Message | None = None
    """The signed message it came in, where such a message counts once."""
    read_by: str | None = None
    """Digest of the rulebook it was decoded by, where another may have come into force since."""


def take(
    engine: Engine, deliveries: Sequence[Delivery], rules: Rules, now: datetime, *, judged: bool = True
) -> Receipt:
    """Store and judge deliveries in one transaction, tried again when it loses a race to another.

    Args:
        engine: the database.
        deliveries: in order of receipt.
        rules: what to judge by.
        now: the moment of receipt, aware.
        judged: False leaves the patients visibly unjudged, for a caller that judges them afterwards. Merges
            made or undone are judged all the same: only here is it known whose alerts belong together.

    Raises:
        Overloaded: it lost too many races in a row.
        sqlalchemy.exc.SQLAlchemyError: the database failed; nothing was stored.
    """
    return in_transaction(
        engine, lambda connection: receive(connection, deliveries, rules, now, judged=judged)
    )


def take_each(
    engine: Engine, delivery: Delivery, rules: Rules, now: datetime, *, judged: bool = True
) -> Receipt:
    """As `take`; where that fails, in halves, so that one resource that cannot be stored is set aside alone.

    Raises:
        Overloaded: the database is too busy; what was stored before stays.
        sqlalchemy.exc.SQLAlchemyError: the database is away; what was stored before stays.
    """
    if not delivery.incoming:
        return Receipt()
    try:
        return take(engine, [delivery], rules, now, judged=judged)
    except Exception as error:
        if is_away(error) or isinstance(error, Overloaded):
            raise
        if len(delivery.incoming) == 1:
            log.exception("a resource could not be stored and is quarantined")
            keep_for_later(engine, delivery, error)
            return Receipt(Counter({f"quarantined:{STORING_FAILED}": 1}))
    receipt = Receipt()
    half = len(delivery.incoming) // 2
    for part in (delivery.incoming[:half], delivery.incoming[half:]):
        receipt += take_each(engine, replace(delivery, incoming=part), rules, now, judged=judged)
    return receipt


def in_transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Do `work` in one transaction, again from the start when it loses a race to another.

    Raises:
        Overloaded: it lost too many races in a row.
    """
    began = time.monotonic()
    for _ in range(ATTEMPTS):
        try:
            with writing(engine) as connection:
                return work(connection)
        except (LostRace, AlreadyThere, Vanished):
            continue
        except Exception as error:
            if not is_conflict(error):
                raise
            if time.monotonic() - began > PATIENCE_SECONDS:
                break
    raise Overloaded("the database is too busy; nothing was stored, send it again", retry_after=1)


def receive(
    connection: Connection,
    deliveries: Sequence[Delivery],
    rules: Rules,
    now: datetime,
    *,
    judged: bool = True,
) -> Receipt:
    """Store and judge deliveries in the caller's transaction.

    Raises:
        LostRace: the caller must roll back and try again.
        RulebookChanged: another rulebook is in force, or one was when something was decoded.
    """
    if any(each.read_by not in (None, rules.rulebook.digest) for each in deliveries):
        raise RulebookChanged
    step = Step(connection, rules, now)
    by_source: dict[int, list[Delivery]] = {}
    for delivery in _first_time(step, deliveries):
        by_source.setdefault(delivery.source.id, []).append(delivery)
    for _, group in sorted(by_source.items()):
        source = group[0].source
        arrivals = [
            arrive(source, incoming, delivery.received, delivery.way, rules.rulebook, now)
            for delivery in group
            for incoming in delivery.incoming
        ]
        store(step, source, arrivals)
        _note(connection, source, group, now)
    conclude(step, judged=judged)
    return step.receipt


def _first_time(step: Step, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Without those whose message was taken before: what they bring is counted as duplicates."""
    signed = [each.message for each in deliveries if each.message is not None]
    if not signed:
        return list(deliveries)
    taken = set(messages.note(step.connection, signed))
    fresh = []
    for each in deliveries:
        digest = None if each.message is None else each.message.digest
        if digest in taken:
            step.receipt.counts["duplicate"] += len(each.incoming)
            continue
        fresh.append(each)
        if digest is not None:
            taken.add(digest)
    return fresh


def _note(connection: Connection, source: Source, deliveries: Iterable[Delivery], now: datetime) -> None:
    """What deliveries of one source brought beside resources."""
    for each in deliveries:
        if each.fetches:
            fetches.ask(connection, source.id, each.fetches, each.way, now)
        if each.heard is not None:
            heard.note(connection, source.id, each.heard, each.received)
            gaps.note(connection, source.id, each.heard, each.received)


def replay(
    connection: Connection, held: Sequence[Held], source: Source, rules: Rules, now: datetime
) -> Receipt:
    """Take quarantined resources of one source again, from their verbatim bytes.

    What still cannot be used stays held, under its number. A record that could not be judged is judged again.

    Raises:
        LostRace: the caller must roll back and try again.
    """
    step = Step(connection, rules, now, resolution="replayed")
    again = [each for each in held if each.digest is not None or each.reason == STORING_FAILED]
    versions: dict[bytes, Version] = {}
    arrivals = []
    for each in again:
        version = _held_version(each)
        if each.digest is not None:
            known = versions.setdefault(each.digest, version)
            if outranks(version.way, known.way):
                versions[each.digest] = version
        elif each.key is not None:
            type_, _, identity = each.key.partition("/")
            gone = tombstone(type_, identity)
            arrivals.append(arrive(source, gone, version.received, version.way, rules.rulebook, now))
    arrivals += read_again(step, source, versions.values())
    store(step, source, arrivals)
    usable = {each.id for each in again} - step.still_held
    quarantine.release_ids(connection, usable, now, step.resolution)
    conclude(
        step, [each.patient_id for each in held if each.reason == FAILED and each.patient_id is not None]
    )
    return step.receipt


def keep_for_later(engine: Engine, delivery: Delivery, error: Exception) -> None:
    """Quarantine a delivery whose storing fails: it is kept, visible, and can be replayed."""
    detail = f"storing it raised {type(error).__name__}; it is kept, replay it once the cause is mended"
    came = (delivery.received, delivery.way)
    bodies: dict[bytes, bytes] = {}
    held = []
    for each in delivery.incoming:
        # A deletion is told by its address alone: the bytes of a Bundle's entry would say nothing more.
        digest = resources.digest_of(each.raw) if each.raw and not isinstance(each.content, Deleted) else None
        if digest is not None:
            bodies[digest] = each.raw
        key = f"{each.type}/{each.id}" if each.id else None
        held.append(Held(0, delivery.source.id, key, None, STORING_FAILED, None, detail, digest, *came))
    whose = _known_patients(engine, delivery)
    with writing(engine) as connection:
        if delivery.message is not None and messages.note(connection, [delivery.message]):
            return
        resources.keep_raw(connection, bodies)
        quarantine.hold(
            connection, [each._replace(patient_id=number) for each, number in zip(held, whose, strict=True)]
        )


def _known_patients(engine: Engine, delivery: Delivery) -> list[int | None]:
    """Whom each resource of a delivery is of, where known: it is kept, and erased, with their record.

    By itself, for what kept it from being stored may keep this from being found: it is held all the same.
    """
    try:
        with reading(engine) as connection:
            return _patients(connection, delivery)
    except Exception as error:
        if is_away(error):
            raise
        log.warning("whose a resource is that could not be stored is not known: %s", type(error).__name__)
        return [None] * len(delivery.incoming)


def _patients(connection: Connection, delivery: Delivery) -> list[int | None]:
    source_id = delivery.source.id
    identifiers = [each.patient_identifier for each in delivery.incoming]
    texts = [None if each is None else identifier_text(*each) for each in identifiers]
    holders = identities.holders(connection, source_id, {each for each in texts if each is not None})
    names = []
    for each, text in zip(delivery.incoming, texts, strict=True):
        candidates = holders.get(text, set()) if text is not None else set()
        names.append(
            next(iter(candidates)) if each.patient is None and len(candidates) == 1 else each.patient
        )
    known = patients.known(connection, source_id, {name for name in names if name is not None})
    return [known[name].id if name in known else None for name in names]


def _held_version(held: Held) -> Version:
    assert held.way is not None  # it came by itself: only what is about a whole record did not
    came = (held.received, held.digest, "live", 0, held.way)
    return Version(held.key or "", held.patient_id, None, None, *came)
