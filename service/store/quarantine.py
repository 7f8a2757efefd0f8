"""What was received and could not be used, kept until it can be or a newer version replaces it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from service.errors import NotFound
from service.store.query import Query, among
from service.store.rows import insert_rows
from service.store.schema import ignored, patient_identifier, quarantine, resource
from service.store.ways import Way


LINK_CYCLE = "link-cycle"
"""Reason: merge links that run in a circle, or from one patient to two."""


class Held(NamedTuple):
    """One quarantined resource, or part of one."""

    id: int
    source_id: int
    key: str | None
    """`Type/id`, where it has one."""
    patient_id: int | None
    reason: str
    place: str | None
    """A FHIRPath from the resource down."""
    detail: str
    digest: bytes | None
    received: datetime
    way: Way | None
    """By which it came; None for a whole record, which came by many."""
    retry_at: datetime | None = None
    resolved: datetime | None = None
    resolution: str | None = None


_NEW = Held._fields[1:11]


def hold(connection: Connection, held: Sequence[Held]) -> None:
    """Put into quarantine; `id` is given by the database."""
    insert_rows(connection, quarantine, _NEW, [each[1:11] for each in held])


def renew(connection: Connection, held: Sequence[Held]) -> tuple[set[int], list[Held]]:
    """Say what is wrong now with resources that were read again, under the numbers they have.

    An item is the same as long as its bytes are: people have written its number down. Where several things
    are wrong with one resource each keeps its number by its place; one whose place is another now takes over
    the lowest number that is left.

    Args:
        connection: an open transaction that may write.
        held: of one source, with their bytes.

    Returns:
        The numbers that go on, and what has none yet.
    """
    if not held:
        return set(), []
    standing = _open_like(connection, held)
    placed: list[tuple[Held, Held]] = []
    fresh = list(held)
    for alike in (_same_place, _same_bytes):
        rest, fresh = fresh, []
        for each in rest:
            before = next((row for row in standing if alike(row, each)), None)
            if before is None:
                fresh.append(each)
            else:
                standing.remove(before)
                placed.append((before, each))
    columns = ("patient_id", "reason", "place", "detail", "retry_at")
    if placed:
        statement = update(quarantine).where(quarantine.c.id == bindparam("of_id"))
        connection.execute(
            statement.values({name: bindparam(name) for name in columns}),
            [
                {"of_id": before.id, **{name: getattr(now, name) for name in columns}}
                for before, now in placed
            ],
        )
    return {before.id for before, _ in placed}, fresh


def _open_like(connection: Connection, held: Sequence[Held]) -> list[Held]:
    """What is held of the same resources, lowest number first."""
    keys = {each.key for each in held if each.key is not None}
    nameless = {each.digest for each in held if each.key is None and each.digest is not None}
    known = among(quarantine.c.key, keys)
    if nameless:
        known = or_(known, quarantine.c.key.is_(None) & among(quarantine.c.digest, nameless))
    query = select(quarantine).where(
        quarantine.c.source_id == held[0].source_id, known, quarantine.c.resolved.is_(None)
    )
    return [Held(*row) for row in connection.execute(query.order_by(quarantine.c.id))]


def _same_bytes(one: Held, other: Held) -> bool:
    return one.digest is not None and (one.key, one.digest) == (other.key, other.digest)


def _same_place(one: Held, other: Held) -> bool:
    return one.place == other.place and _same_bytes(one, other)


def release(
    connection: Connection,
    source_id: int,
    keys: Collection[str],
    now: datetime,
    resolution: str,
    *,
    but: Collection[int] = (),
) -> None:
    """End what is held of these versions of `keys`, `but` for some numbers: another version came.

    Links in a circle are no matter of one version, and end when they are mended.
    """
    connection.execute(
        update(quarantine)
        .where(
            quarantine.c.source_id == source_id,
            among(quarantine.c.key, keys),
            quarantine.c.reason != LINK_CYCLE,
            quarantine.c.resolved.is_(None),
            quarantine.c.id.not_in(list(but)),
        )
        .values(resolved=now, resolution=resolution)
    )


def release_ids(connection: Connection, ids: Collection[int], now: datetime, resolution: str) -> None:
    """End what is held under these numbers."""
    connection.execute(
        update(quarantine)
        .where(among(quarantine.c.id, ids), quarantine.c.resolved.is_(None))
        .values(resolved=now, resolution=resolution)
    )


def release_patient(
    connection: Connection, patient_id: int, reason: str, now: datetime, resolution: str
) -> None:
    """End what is held of a patient for one reason."""
    connection.execute(
        update(quarantine)
        .where(
            quarantine.c.patient_id == patient_id,
            quarantine.c.reason == reason,
            quarantine.c.resolved.is_(None),
        )
        .values(resolved=now, resolution=resolution)
    )


_patients_held = Query(
    select(quarantine.c.patient_id).where(
        quarantine.c.reason == bindparam("of_reason"), quarantine.c.resolved.is_(None)
    ),
    each=quarantine.c.patient_id,
)


def patients_held(connection: Connection, patient_ids: Collection[int], reason: str) -> set[int]:
    """Which of the patients have something held for this reason."""
    rows = _patients_held.rows(connection, each=patient_ids, of_reason=reason)
    return {row[0] for row in rows}


def of_patients(connection: Connection, patient_ids: Collection[int]) -> list[Held]:
    """What of these patients' resources is held now, the latest received first."""
    query = select(quarantine).where(
        among(quarantine.c.patient_id, patient_ids), quarantine.c.resolved.is_(None)
    )
    rows = connection.execute(query.order_by(quarantine.c.received.desc(), quarantine.c.id))
    return [Held(*row) for row in rows]


def listed(connection: Connection, *, everything: bool = False, limit: int | None = 1000) -> list[Held]:
    """What is held, newest first; `everything`: also what has been resolved."""
    query = select(quarantine).order_by(quarantine.c.id.desc()).limit(limit)
    if not everything:
        query = query.where(quarantine.c.resolved.is_(None))
    return [Held(*row) for row in connection.execute(query)]


def get(connection: Connection, held_id: int) -> Held:
    """One held resource.

    Raises:
        NotFound: there is none of that number.
    """
    row = connection.execute(select(quarantine).where(quarantine.c.id == held_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is nothing in quarantine under {held_id}; see `liverwatch quarantine list`")
    return Held(*row)


def open_of(connection: Connection, source_id: int, digests: Collection[bytes]) -> set[bytes]:
    """Which of these bytes are held already (resources without an id are known by nothing else)."""
    query = select(quarantine.c.digest).where(
        quarantine.c.source_id == source_id,
        among(quarantine.c.digest, digests),
        quarantine.c.resolved.is_(None),
    )
    return set(connection.execute(query).scalars())


def due(connection: Connection, now: datetime, limit: int) -> list[Held]:
    """Results dated in the future whose time has come."""
    query = select(quarantine).where(quarantine.c.resolved.is_(None), quarantine.c.retry_at <= now)
    return [Held(*row) for row in connection.execute(query.order_by(quarantine.c.id).limit(limit))]


def answered(connection: Connection, limit: int) -> list[Held]:
    """What waits for a Patient with an identifier that exactly one of its source carries by now."""
    holders = (
        select(func.count())
        .select_from(patient_identifier)
        .where(
            patient_identifier.c.source_id == resource.c.source_id,
            patient_identifier.c.identifier == resource.c.named_by,
        )
        .scalar_subquery()
    )
    query = (
        select(quarantine)
        .join(
            resource, and_(resource.c.source_id == quarantine.c.source_id, resource.c.key == quarantine.c.key)
        )
        .where(
            quarantine.c.resolved.is_(None),
            quarantine.c.reason.in_(("unknown-patient", "ambiguous-patient")),
            holders == 1,
        )
    )
    return [Held(*row) for row in connection.execute(query.order_by(quarantine.c.id).limit(limit))]


def counts(connection: Connection, source_id: int | None = None) -> dict[str, int]:
    """How many are held, by reason; of one source where it is named."""
    query = select(quarantine.c.reason, func.count()).where(quarantine.c.resolved.is_(None))
    if source_id is not None:
        query = query.where(quarantine.c.source_id == source_id)
    return {row[0]: row[1] for row in connection.execute(query.group_by(quarantine.c.reason))}


def count_ignored(connection: Connection, source_id: int, reasons: Mapping[str, int]) -> None:
    """Count resources that hold nothing for this service."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    for reason, count in sorted(reasons.items()):
        statement = dialect.insert(ignored).values(source_id=source_id, reason=reason, count=count)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["source_id", "reason"],
                set_={"count": ignored.c.count + statement.excluded.count},
            )
        )


def ignored_of(connection: Connection, source_id: int) -> dict[str, int]:
    """How many resources of a source held nothing for this service, by reason."""
    query = select(ignored.c.reason, ignored.c.count).where(ignored.c.source_id == source_id)
    return {row[0]: row[1] for row in connection.execute(query)}
