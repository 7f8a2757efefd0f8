"""The end of a transaction: whoever it concerns is read by the rules of now, judged, and written back.

What is judged was all read by the rules it is judged by. So the versions a decision names and the rules it
names say everything about it: it can be made again from them (promise 4), however long something was stored
before it was judged, and whatever changed meanwhile.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from service.clinical.episodes import Assessment
from service.errors import Damaged
from service.ingest.arrivals import Arrival
from service.ingest.judging import hold_failed, judge
from service.ingest.storing import Receipt, Step, read_again, store
from service.store import patients, resources, sources
from service.store.patients import PatientRow
from service.store.sources import Source


class Concluded(NamedTuple):
    """What judging came to."""

    people: set[int]
    """Who was judged: ids of the records they are judged under."""
    failed: set[int]
    """Those of them whose judgement failed."""


def conclude(
    step: Step,
    also: Collection[int] = (),
    *,
    judged: bool = True,
    told: Callable[[Assessment], None] | None = None,
) -> Concluded:
    """Judge whoever the transaction touched, and write everybody back.

    Args:
        step: the transaction.
        also: patients to judge although nothing of theirs changed.
        judged: False leaves everybody visibly unjudged, but for those whose merge was made or undone.
        told: called with each assessment; the transaction may yet be rolled back.

    Raises:
        LostRace: the caller must roll back and try again.
    """
    for number, row in patients.lock(step.connection, set(also) - step.locked.keys()).items():
        step.locked.setdefault(number, row)
    also = step.locked.keys() & also  # others have been erased since they were listed
    step.receipt.patients |= _touched(step)
    _note_readings(step)
    known: dict[int, Source] = {}
    unreadable: dict[int, Damaged] = {}
    while outdated := _outdated(step, people := _people(step, also, unreadable, judged=judged), known):
        unreadable |= _read_again(step, outdated, known)
    _hold_unreadable(step, unreadable)
    together = [group for group in step.together if not _persons(step, group) & unreadable.keys()]
    failed = judge(step.connection, step.locked, people, together, known, step.rules, step.now, told=told)
    changed = (row for row in step.locked.values() if row.touched or row.person in people)
    patients.save(step.connection, changed)
    return Concluded(people | unreadable.keys(), failed | unreadable.keys())


def _touched(step: Step) -> set[int]:
    return {row.id for row in step.locked.values() if row.touched}


def _people(step: Step, also: Collection[int], unreadable: Collection[int], *, judged: bool) -> set[int]:
    """Who is to be judged: nobody whose record cannot be read, nor whoever is reconciled with them."""
    remerged = {number for group in step.together for number in group}
    wanted = _persons(step, _touched(step).union(also) if judged else remerged)
    for group in (_persons(step, each) for each in step.together):
        if not group.isdisjoint(unreadable):
            wanted -= group
    return wanted.difference(unreadable)


def _persons(step: Step, numbers: Collection[int]) -> set[int]:
    """The records under which these patients are judged."""
    return {step.locked[number].person for number in numbers}


def _note_readings(step: Step) -> None:
    """Note by what the records were read that the transaction added to."""
    for row in step.locked.values():
        if not row.touched:
            continue
        read_under = step.digests[row.source_id]
        if row.revision == 1:
            row.read_digest = read_under
        elif row.read_digest != read_under:
            row.read_digest = patients.NOT_ALL_ALIKE


def _outdated(step: Step, people: Collection[int], known: dict[int, Source]) -> list[PatientRow]:
    """Patients whose records would be judged by other rules than they were read by.

    Args:
        step: the transaction.
        people: who is to be judged.
        known: the sources that were looked up; those missing are added, with their settings as of now.
    """
    rows = [row for row in step.locked.values() if row.person in people]
    for number in {row.source_id for row in rows} - known.keys():
        known[number] = sources.by_id(step.connection, number)
    digests = {number: step.rules.digest(source) for number, source in known.items()}
    return [row for row in rows if row.read_digest != digests[row.source_id]]


def _read_again(step: Step, rows: Collection[PatientRow], known: Mapping[int, Source]) -> dict[int, Damaged]:
    """Decode everything known about patients anew.

    What is plausible, which zone a time without one is in, and which version is the latest may read
    differently now.

    Returns:
        The people of whom something stored is missing or was changed, and what; nothing of them is read.
    """
    again = replace(step, receipt=Receipt(), resolution="rejudged")  # nothing arrived
    unreadable: dict[int, Damaged] = {}
    read: dict[int, list[Arrival]] = {}
    for row in sorted(rows, key=lambda row: row.id):
        versions = resources.of_patients(step.connection, [row.id])
        try:
            read[row.id] = read_again(again, known[row.source_id], versions)
        except Damaged as error:
            unreadable[row.person] = error
    readable = [row for row in rows if row.person not in unreadable]
    for number in sorted({row.source_id for row in readable}):
        own = [row for row in readable if row.source_id == number]
        store(again, known[number], [arrival for row in own for arrival in read[row.id]])
        for row in own:
            row.read_digest = step.rules.digest(known[number])
    return unreadable


def _hold_unreadable(step: Step, unreadable: Mapping[int, Damaged]) -> None:
    """Hold records that cannot be read by the rules of now: one must not stop the others."""
    for person, error in sorted(unreadable.items()):
        rows = [row for row in step.locked.values() if row.person == person]
        hold_failed(step.connection, rows, error, step.now)
