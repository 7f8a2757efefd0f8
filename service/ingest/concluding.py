"""The end of a transaction: whoever it concerns is read by the rules of now, judged, and written back.

What is judged was all read by the rules it is judged by. So the versions a decision names and the rules it
names say everything about it: it can be made again from them (promise 4), however long something was stored
before it was judged, and whatever changed meanwhile.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from service.clinical.episodes import Assessment
from service.ingest.judging import judge
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
    while outdated := _outdated(step, people := _people(step, also, judged=judged), known):
        _read_again(step, outdated, known)
    failed = judge(
        step.connection, step.locked, people, step.together, known, step.rules, step.now, told=told
    )
    changed = (row for row in step.locked.values() if row.touched or row.person in people)
    patients.save(step.connection, changed)
    return Concluded(people, failed)


def _touched(step: Step) -> set[int]:
    return {row.id for row in step.locked.values() if row.touched}


def _people(step: Step, also: Collection[int], *, judged: bool) -> set[int]:
    """Who is to be judged."""
    remerged = {number for group in step.together for number in group}
    return {step.locked[number].person for number in (_touched(step).union(also) if judged else remerged)}


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


def _read_again(step: Step, rows: Collection[PatientRow], known: Mapping[int, Source]) -> None:
    """Decode everything known about patients anew.

    What is plausible, which zone a time without one is in, and which version is the latest may read
    differently now.
    """
    again = replace(step, receipt=Receipt(), resolution="rejudged")  # nothing arrived
    for number in sorted({row.source_id for row in rows}):
        own = [row for row in rows if row.source_id == number]
        versions = resources.of_patients(step.connection, [row.id for row in own])
        store(again, known[number], read_again(again, known[number], versions))
        for row in own:
            row.read_digest = step.rules.digest(known[number])
