"""What was judged, on what, and when: enough to do it again and compare. And the audit log."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Connection, func, insert, select

from service.clinical.episodes import Assessment
from service.store.query import Query, among
from service.store.rows import insert_rows
from service.store.schema import audit, decision, stored_text

_encoder = msgspec.json.Encoder(order="deterministic")


class Decision(NamedTuple):
    """One judgement of one person's record."""

    patient_id: int
    at: datetime
    as_of: datetime
    inputs: str
    """JSON: (patient, revision) pairs. The versions read are those of the patient that the revision spans."""
    dispositions: str
    """JSON: ids of the decisions people had made by then."""
    rulebook_digest: str
    settings_digest: str
    code_version: str
    outcome_digest: str


def encode_inputs(inputs: Sequence[tuple[int, int]]) -> str:
    """(patient, revision) pairs as canonical JSON."""
    return _encoder.encode(sorted(inputs)).decode()


def encode_ids(ids: Sequence[UUID]) -> str:
    """Ids as canonical JSON."""
    return _encoder.encode(sorted(str(each) for each in ids)).decode()


def outcome_digest(assessment: Assessment) -> str:
    """SHA-256 of an assessment's canonical JSON."""
    return hashlib.sha256(_encoder.encode(assessment)).hexdigest()


def record(connection: Connection, decisions: Sequence[Decision]) -> None:
    """Keep judgements."""
    insert_rows(connection, decision, Decision._fields, decisions)


_texts_kept = Query(select(stored_text.c.digest).where(among(stored_text.c.digest, "digests")))


def keep_texts(connection: Connection, texts: Mapping[str, str], now: datetime) -> None:
    """Keep rulebooks and settings under their digests; those already there stay as they are."""
    missing = texts.keys() - {row[0] for row in _texts_kept.rows(connection, digests=texts)}
    rows = [(digest, texts[digest], now) for digest in sorted(missing)]
    insert_rows(connection, stored_text, ("digest", "text", "created"), rows, keep=True)


def latest_of(connection: Connection, patients: Collection[int]) -> dict[int, tuple[str, str]]:
    """What each patient was last judged with: version of this service, and the rulebook's digest."""
    last = (
        select(func.max(decision.c.id))
        .where(among(decision.c.patient_id, patients))
        .group_by(decision.c.patient_id)
    )
    columns = (decision.c.patient_id, decision.c.code_version, decision.c.rulebook_digest)
    rows = connection.execute(select(*columns).where(decision.c.id.in_(last)))
    return {row.patient_id: (row.code_version, row.rulebook_digest) for row in rows}


def text_of(connection: Connection, digest: str) -> str:
    """The text kept under a digest."""
    query = select(stored_text.c.text).where(stored_text.c.digest == digest)
    return str(connection.execute(query).scalar_one())


def texts_of(connection: Connection, digests: Collection[str]) -> dict[str, str]:
    """The texts kept under digests, of those that are there."""
    query = select(stored_text.c.digest, stored_text.c.text).where(stored_text.c.digest.in_(list(digests)))
    return {row.digest: row.text for row in connection.execute(query)}


def write_audit(
    connection: Connection,
    *,
    at: datetime,
    actor: str,
    action: str,
    source_id: int | None = None,
    patient_id: int | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Note who did what. `detail` holds counts, names of fields and our own ids: never patient data."""
    connection.execute(
        insert(audit).values(
            at=at,
            actor=actor,
            action=action,
            source_id=source_id,
            patient_id=patient_id,
            detail=_encoder.encode(detail or {}).decode(),
        )
    )
