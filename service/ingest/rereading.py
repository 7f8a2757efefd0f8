"""Stored records as another rulebook would have them read, with nothing written."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from service.clinical.results import PatientRecord
from service.clinical.rulebook import Rulebook
from service.errors import Damaged
from service.ingest.arrivals import arrive
from service.ingest.reading import Said, decode_stored, record_of, said_by
from service.store import resources
from service.store.patients import PatientRow
from service.store.resources import Version
from service.store.sources import Source


def read_alike(one: Rulebook, other: Rulebook) -> bool:
    """Whether two rulebooks make the same records of the same messages: what is plausible, what is future."""
    ahead = [each.rules.results.future_tolerance_hours for each in (one, other)]
    return one.rules.plausibility == other.rules.plausibility and ahead[0] == ahead[1]


def records_anew(
    connection: Connection,
    people: Mapping[int, Sequence[PatientRow]],
    source: Source,
    rulebook: Rulebook,
    now: datetime,
) -> dict[int, PatientRecord]:
    """The record of each person, decoded anew from the verbatim bytes of all that is current in it.

    Args:
        connection: an open transaction.
        people: of one source, patients by person; first of each the one the others were merged into.
        source: that source.
        rulebook: what is plausible, and what counts as dated in the future.
        now: the moment, aware.

    Returns:
        By person; without those of whom something stored is missing or was changed.
    """
    person_of = {row.id: person for person, rows in people.items() for row in rows}
    said: dict[int, list[tuple[int, Said]]] = {person: [] for person in people}
    damaged = set()
    for version in resources.of_patients(connection, person_of):
        if version.state != "live" or version.patient_id is None:
            continue
        person = person_of[version.patient_id]
        try:
            said[person].append((version.patient_id, _said(connection, version, source, rulebook, now)))
        except Damaged:
            damaged.add(person)
    return {
        person: record_of([row.id for row in rows], said[person])
        for person, rows in people.items()
        if person not in damaged
    }


def _said(
    connection: Connection, version: Version, source: Source, rulebook: Rulebook, now: datetime
) -> Said:
    """What a version says; that only its receipt makes it the latest stays so by any rulebook."""
    incoming = decode_stored(connection, source, version, rulebook)
    arrival = arrive(source, incoming, version.received, version.way, rulebook, now)
    return said_by(arrival.content, "unordered" if version.read_as == "unordered" else None)
