"""What was judged, on what, and when: enough to do it again and compare. And the audit log."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Connection, func, insert, or_, select, text

from service.clinical.episodes import Assessment
from service.errors import Damaged
from service.store.filed import Filing
from service.store.query import Query, among
from service.store.rows import insert_rows
from service.store.schema import ON_MERGED, audit, decision, outcome, stored_text

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


class Outcome(NamedTuple):
    """What a judgement came to."""

    digest: str
    """SHA-256 of its text."""
    text: bytes
    """The assessment as canonical JSON."""

    @classmethod
    def of(cls, assessment: Assessment) -> "Outcome":
        """An assessment, written down; without its peaks, by which nothing is decided."""
        text = _encoder.encode(replace(assessment, peaks=()))
        return cls(hashlib.sha256(text).hexdigest(), text)


_NOTHING_FOUND = Outcome.of(Assessment((), None))
"""What most judgements come to: it need not be kept to be known."""
_filing = Filing("outcome", level=1)


def record(connection: Connection, noted: Sequence[tuple[Decision, Outcome]]) -> None:
    """Keep judgements, each with what it came to."""
    insert_rows(connection, decision, Decision._fields, [made for made, _ in noted])
    texts = {found.digest: found.text for _, found in noted if found.digest != _NOTHING_FOUND.digest}
    rows = [(digest, _filing.packed(text)) for digest, text in sorted(texts.items())]
    insert_rows(connection, outcome, ("digest", "body"), rows, keep=True)


def outcome_text(connection: Connection, digest: str) -> bytes:
    """What was kept of an outcome, as canonical JSON.

    Raises:
        Damaged: it is missing, or is not what was kept.
    """
    if digest == _NOTHING_FOUND.digest:
        return _NOTHING_FOUND.text
    rows = connection.execute(select(outcome.c.body).where(outcome.c.digest == digest)).all()
    return _filing.unpacked(bytes.fromhex(digest), rows)


class Recorded(NamedTuple):
    """A judgement as it is on record."""

    id: int
    made: Decision

    @property
    def inputs(self) -> dict[int, int]:
        """The revision of each patient's record that it was made on."""
        return dict(msgspec.json.decode(self.made.inputs))

    @property
    def disposition_ids(self) -> list[UUID]:
        """Of the decisions that people had made on its results by then."""
        return msgspec.json.decode(self.made.dispositions, type=list[UUID])


_recorded = select(decision.c.id, *(decision.c[name] for name in Decision._fields)).order_by(decision.c.id)


_NAMED_AT_ONCE: Final = 200
"""Patients asked for in one condition: SQLite takes no deeper one than 1000."""


def of_records(connection: Connection, patient_ids: Collection[int]) -> list[Recorded]:
    """The judgements that these patients' records took part in, merged into others too; oldest first."""
    own = _recorded.where(among(decision.c.patient_id, patient_ids))
    found = {row[0]: Recorded(row[0], Decision(*row[1:])) for row in connection.execute(own)}
    numbers = list(patient_ids)
    for first in range(0, len(numbers), _NAMED_AT_ONCE):
        some = numbers[first : first + _NAMED_AT_ONCE]
        named = or_(False, *(decision.c.inputs.contains(f"[{number},") for number in some))
        merged = _recorded.where(text(ON_MERGED), named)
        found |= {row[0]: Recorded(row[0], Decision(*row[1:])) for row in connection.execute(merged)}
    return [found[number] for number in sorted(found)]


_texts_kept = Query(select(stored_text.c.digest), each=stored_text.c.digest)


def keep_texts(connection: Connection, texts: Mapping[str, str], now: datetime) -> None:
    """Keep rulebooks and settings under their digests; those already there stay as they are."""
    missing = texts.keys() - {row[0] for row in _texts_kept.rows(connection, each=texts)}
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
    """The text kept under a digest.

    Raises:
        Damaged: there is none.
    """
    found = texts_of(connection, [digest])
    if digest not in found:
        raise Damaged(f"stored_text {digest} is missing")
    return found[digest]


def texts_of(connection: Connection, digests: Collection[str]) -> dict[str, str]:
    """The texts kept under digests, of those that are there."""
    query = select(stored_text.c.digest, stored_text.c.text).where(among(stored_text.c.digest, digests))
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
