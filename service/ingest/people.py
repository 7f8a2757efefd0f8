"""What Patient resources say: sex, birth, death, identifiers, and which records are one person's."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from service.fhir.incoming import PatientFacts
from service.store import patients, quarantine
from service.store.patients import PatientRow
from service.store.quarantine import Held
from service.store.sources import Source


def apply_facts(
    connection: Connection,
    source: Source,
    facts: Sequence[tuple[PatientRow, PatientFacts]],
    locked: Mapping[int, PatientRow],
    now: datetime,
) -> list[set[int]]:
    """Take over what Patients say now.

    Returns:
        The sets of patients that were or are one person, where that changed: their alerts are to be
        reconciled together, because a merge or its undoing moves evidence between them.
    """
    relinked = False
    for row, said in facts:
        row.sex, row.birth_date, row.deceased = said.sex, said.birth_date, said.deceased
        links = (said.replaced_by, tuple(sorted(said.replaces)))
        relinked = relinked or links != (row.replaced_by, row.replaces)
        row.replaced_by, row.replaces = links
        if said.identifiers:
            patients.keep_identifiers(connection, source.id, row.id, said.identifiers)
    return _merge(connection, source, locked, now) if relinked else []


def _merge(
    connection: Connection, source: Source, locked: Mapping[int, PatientRow], now: datetime
) -> list[set[int]]:
    """Work out anew, from all links among the locked patients, which record each is judged under."""
    rows = {row.fhir_id: row for row in locked.values() if row.source_id == source.id}
    arrows: dict[str, set[str]] = {name: set() for name in rows}
    for name, row in rows.items():
        if row.replaced_by in rows:
            arrows[name].add(str(row.replaced_by))
        for other in row.replaces:
            if other in rows:
                arrows[other].add(name)
    together: list[set[int]] = []
    for name, row in rows.items():
        survivor = _survivor(name, arrows)
        person = row.id if survivor is None or survivor == name else rows[survivor].id
        if person != row.person:
            together.append({row.id, row.person, person})
            row.survivor_id = None if person == row.id else person
            row.touch()
        if survivor is None:
            _hold_cycle(connection, source, row, now)
    return _overlapping_joined(together)


def _survivor(name: str, arrows: Mapping[str, set[str]]) -> str | None:
    """Where the links from `name` end; None when they run in a circle or apart, so that nothing is joined."""
    seen = {name}
    while arrows[name]:
        if len(arrows[name]) > 1:
            return None
        (name,) = arrows[name]
        if name in seen:
            return None
        seen.add(name)
    return name


def _hold_cycle(connection: Connection, source: Source, row: PatientRow, now: datetime) -> None:
    key = f"Patient/{row.fhir_id}"
    held = Held(
        *(0, source.id, key, row.id, "link-cycle", "Patient.link"),
        "its merge links run in a circle or name two survivors; nothing was joined: correct them in the EHR",
        *(None, now),
    )
    quarantine.hold(connection, [held])


def _overlapping_joined(sets: Sequence[set[int]]) -> list[set[int]]:
    joined: list[set[int]] = []
    for each in sets:
        touching = [other for other in joined if other & each]
        apart = [other for other in joined if not other & each]
        joined = [*apart, each.union(*touching)]
    return joined
