"""What Patient resources say: sex, birth, death, identifiers, and which records are one person's."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from service.fhir.incoming import PatientFacts
from service.ingest.arrivals import identifier_text, merges_stated
from service.store import identities, names, quarantine
from service.store.patients import PatientRow
from service.store.quarantine import LINK_CYCLE, Held
from service.store.sources import Source


@dataclass(frozen=True, slots=True)
class Known:
    """What has changed about who people are."""

    together: Sequence[set[int]]
    """Patients whose merge was made or undone: their alerts are reconciled together, for evidence moves."""
    identifiers: Collection[str]
    """Identifiers that other patients carry now: whatever names its patient by them is to be placed anew."""


def apply_facts(
    connection: Connection,
    source: Source,
    facts: Sequence[tuple[PatientRow, PatientFacts]],
    connected: Mapping[str, PatientRow],
    now: datetime,
) -> Known:
    """Take over what Patients say now.

    Args:
        connection: the transaction.
        source: theirs.
        facts: by patient; where one stands twice the last counts.
        connected: every patient whom merges connect with them, by id in the source, all locked.
        now: the moment, aware.
    """
    latest = {row.id: (row, said) for row, said in facts}
    for row, said in latest.values():
        row.sex, row.birth_date, row.deceased = said.sex, said.birth_date, said.deceased
        row.ethnicity, row.language = said.ethnicity, said.language
    said_ids = {
        row.id: {identifier_text(*each) for each in said.identifiers} for row, said in latest.values()
    }
    names.state(connection, {row.id: (said.names, said.born) for row, said in latest.values()})
    moved = identities.state_identifiers(connection, source.id, said_ids)
    merges = {row.fhir_id: merges_stated(said, row.fhir_id) for row, said in latest.values()}
    relinked = identities.state_merges(connection, source.id, merges)
    return Known(_merge(connection, source, connected, now) if relinked else [], moved)


def _merge(
    connection: Connection, source: Source, connected: Mapping[str, PatientRow], now: datetime
) -> list[set[int]]:
    """Work out anew, from all links among connected patients, which record each is judged under."""
    survivors: dict[str, set[str]] = {name: set() for name in connected}
    for replaced, survivor in identities.merges_among(connection, source.id, connected):
        survivors[replaced].add(survivor)
    people = {row.id: row for row in connected.values()}
    together: list[set[int]] = []
    for name, row in connected.items():
        end = _end(name, survivors)
        person = row.id if end is None else connected[end].id
        if person != row.person:
            together.append({row.id, row.person, person})
            for number in (row.id, row.person, person):
                people[number].touch()
            row.survivor_id = None if person == row.id else person
    circling = [row for name, row in connected.items() if _end(name, survivors) is None]
    _hold_cycles(connection, people, circling, now)
    return _joined(together)


def _end(name: str, survivors: Mapping[str, set[str]]) -> str | None:
    """Where the links from a patient end; None when they run in a circle or apart: then nothing is joined."""
    seen = {name}
    while survivors[name]:
        if len(survivors[name]) > 1:
            return None
        (name,) = survivors[name]
        if name in seen:
            return None
        seen.add(name)
    return name


def _hold_cycles(
    connection: Connection, people: Mapping[int, PatientRow], circling: Sequence[PatientRow], now: datetime
) -> None:
    held = quarantine.patients_held(connection, people, LINK_CYCLE)
    for number in held - {row.id for row in circling}:
        quarantine.release_patient(connection, number, LINK_CYCLE, now, "mended")
    detail = (
        "its merge links run in a circle or name two survivors; nothing was joined: correct them in the EHR"
    )
    new = [
        Held(
            *(0, row.source_id, f"Patient/{row.fhir_id}", row.id, LINK_CYCLE, "Patient.link", detail),
            *(None, now, None),
        )
        for row in circling
        if row.id not in held
    ]
    quarantine.hold(connection, new)


def _joined(sets: Sequence[set[int]]) -> list[set[int]]:
    """Sets that share a member become one."""
    joined: list[set[int]] = []
    for each in sets:
        touching = [other for other in joined if other & each]
        apart = [other for other in joined if not other & each]
        joined = [*apart, each.union(*touching)]
    return joined
