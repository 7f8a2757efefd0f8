"""The laboratory history and clinical context of patients: what a judgement reads."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Protocol

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, or_, select

from service.clinical.analytes import Analyte
from service.clinical.results import (
    Comparator,
    Condition,
    Done,
    LabResult,
    Measurement,
    Medication,
    PatientRecord,
    ReferenceRange,
    ResultKey,
    Sex,
)
from service.store.patients import PatientRow
from service.store.query import Query
from service.store.rows import insert_rows
from service.store.schema import clinical_context, lab_result

_RESULT = (
    *("patient_id", "observation_id", "sub_key", "analyte", "effective", "day", "value", "comparator"),
    *("ranges", "preliminary", "flags"),
)
_ranges_of = msgspec.json.Decoder(tuple[ReferenceRange, ...])
_encoder = msgspec.json.Encoder()


_ANALYTES = {each.value: each for each in Analyte}
_COMPARATORS = {each.value: each for each in Comparator}
_NAMES: dict[Analyte | Comparator, str] = {each: each.value for each in (*Analyte, *Comparator)}


Context = Condition | Medication | Measurement | Done
"""What a resource adds to a record besides results."""


class Said(msgspec.Struct, omit_defaults=True):
    """All of it that one resource says."""

    conditions: tuple[Condition, ...] = ()
    medications: tuple[Medication, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    done: tuple[Done, ...] = ()

    @classmethod
    def by(cls, content: Sequence[Context]) -> "Said":
        """What a resource says, by kind."""
        return cls(
            tuple(each for each in content if isinstance(each, Condition)),
            tuple(each for each in content if isinstance(each, Medication)),
            tuple(each for each in content if isinstance(each, Measurement)),
            tuple(each for each in content if isinstance(each, Done)),
        )


_said_by = msgspec.json.Decoder(Said)


class Person(Protocol):
    """What a Patient resource says that judging looks at."""

    @property
    def sex(self) -> Sex | None:
        """None where it is not known."""

    @property
    def birth_date(self) -> date | None:
        """None where it is not known."""

    @property
    def deceased(self) -> bool:
        """Whether it says that the person has died."""


_results_of = Query(select(*(lab_result.c[name] for name in _RESULT)), each=lab_result.c.patient_id)
_context_of = Query(
    select(clinical_context.c.patient_id, clinical_context.c.content).order_by(
        clinical_context.c.patient_id, clinical_context.c.key
    ),
    each=clinical_context.c.patient_id,
)


def add_results(connection: Connection, results: Iterable[tuple[int, LabResult]]) -> None:
    """Store results, each with its patient."""
    rows = [
        (
            patient_id,
            result.key.observation_id,
            result.key.sub_key,
            _NAMES[result.analyte],
            result.effective,
            result.day,
            str(result.value),
            _NAMES[result.comparator],
            _encoder.encode(result.ranges).decode() if result.ranges else None,
            result.preliminary,
            " ".join(result.flags),
        )
        for patient_id, result in results
    ]
    rows.sort(key=lambda row: row[:3])
    insert_rows(connection, lab_result, _RESULT, rows)


def remove_results(connection: Connection, observations: Collection[tuple[int, str]]) -> None:
    """Remove every result of the given (patient, `ResultKey.observation_id`) pairs."""
    if observations:
        pairs = [
            and_(lab_result.c.patient_id == patient_id, lab_result.c.observation_id == observation_id)
            for patient_id, observation_id in observations
        ]
        for start in range(0, len(pairs), 200):
            connection.execute(delete(lab_result).where(or_(*pairs[start : start + 200])))


def add_context(connection: Connection, rows: Iterable[tuple[int, str, Sequence[Context]]]) -> None:
    """Store context: (patient, `Type/id`, all that it says)."""
    encoded = [
        (patient_id, key, _encoder.encode(Said.by(content)).decode()) for patient_id, key, content in rows
    ]
    insert_rows(connection, clinical_context, ("patient_id", "key", "content"), encoded)


def remove_context(connection: Connection, keys: Collection[tuple[int, str]]) -> None:
    """Remove the given (patient, `Type/id`) pairs."""
    if keys:
        row = clinical_context.c
        gone = delete(clinical_context).where(
            row.patient_id == bindparam("of_patient"), row.key == bindparam("of_key")
        )
        connection.execute(gone, [{"of_patient": number, "of_key": key} for number, key in sorted(keys)])


def records(
    connection: Connection, people: Mapping[int, Sequence[PatientRow]], source_names: Mapping[int, str]
) -> dict[int, PatientRecord]:
    """The record of each person, all of their merged patients together.

    Args:
        connection: an open transaction.
        people: patients by person; the first of each is the record the others were merged into.
        source_names: by source id.
    """
    member_of = {row.id: person for person, rows in people.items() for row in rows}
    source_of = {row.id: source_names[row.source_id] for rows in people.values() for row in rows}
    results = _results(connection, member_of, source_of)
    context = _context(connection, member_of)
    return {
        person: composed(rows, results.get(person, ()), context.get(person, ()))
        for person, rows in people.items()
    }


def composed(
    merged: Sequence[Person], results: Sequence[LabResult], context: Sequence[Said]
) -> PatientRecord:
    """One person's record.

    Args:
        merged: what is said of each of their patients; first of the one the others were merged into.
        results: of all of them.
        context: of all of them.
    """
    return PatientRecord(
        results=results,
        sex=merged[0].sex,
        birth_date=merged[0].birth_date,
        deceased=any(each.deceased for each in merged),
        conditions=[one for said in context for one in said.conditions],
        medications=[one for said in context for one in said.medications],
        measurements=[one for said in context for one in said.measurements],
        done=[one for said in context for one in said.done],
    )


def newest(record: PatientRecord, now: datetime) -> datetime | None:
    """When the newest result of a record was taken, a liver test or another measurement, up to `now`.

    Of a measurement only the day is known: the beginning of that day, in UTC, stands for it.
    """
    today = now.astimezone(UTC).date()
    days = [each.day for each in record.measurements if each.day <= today]
    measured = [datetime.combine(max(days), time.min, UTC)] if days else []
    return max((*(result.effective for result in record.results), *measured), default=None)


def _results(
    connection: Connection, member_of: Mapping[int, int], source_of: Mapping[int, str]
) -> dict[int, list[LabResult]]:
    found: dict[int, list[LabResult]] = {}
    ranges_seen: dict[str | None, tuple[ReferenceRange, ...]] = {None: ()}
    rows = _results_of.rows(connection, each=member_of)
    for row in rows:
        patient_id, observation, sub_key, analyte, effective, day, value, comparator, text, early, flags = row
        ranges = ranges_seen.get(text)
        if ranges is None:
            ranges = ranges_seen[text] = _ranges_of.decode(text)
        result = LabResult(
            ResultKey(source_of[patient_id], observation, sub_key),
            _ANALYTES[analyte],
            effective,
            day,
            Decimal(value),
            _COMPARATORS[comparator],
            ranges,
            early,
            tuple(flags.split()),
        )
        found.setdefault(member_of[patient_id], []).append(result)
    return found


def _context(connection: Connection, member_of: Mapping[int, int]) -> dict[int, list[Said]]:
    found: dict[int, list[Said]] = {}
    for patient_id, content in _context_of.rows(connection, each=member_of):
        found.setdefault(member_of[patient_id], []).append(_said_by.decode(content))
    return found
