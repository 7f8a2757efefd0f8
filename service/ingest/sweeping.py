"""What comes due by itself: unjudged records, days that change a judgement, results dated in the future."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from service.alerts.states import day_of
from service.clinical.episodes import Assessment
from service.ingest.escalating import escalate
from service.ingest.concluding import conclude
from service.ingest.in_force import check_in_force
from service.ingest.judging import FAILED
from service.ingest.receiving import in_transaction, replay
from service.ingest.rules import Rules
from service.ingest.storing import Receipt, Step
from service.store import patients, quarantine, sources
from service.store.patients import PatientRow
from service.store.quarantine import Held
from service.store.session import reading

CHUNK = 500
"""Records judged in one transaction: short enough that a running feed never waits long for the lock."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did."""

    judged: int
    failed: int
    replayed: int
    passed_on: int = 0
    """Urgent alerts that went on to the next contact because nobody took them in time."""


def sweep(engine: Engine, rules: Rules, now: datetime) -> Swept:
    """Judge records that are behind or due, take results whose time has come, pass on what nobody takes.

    Several processes may sweep at once: each record is judged under its lock, once it is seen there that it
    is still due, and judging it again does no harm. Whether a day has come is told by the UTC day of `now`.
    """
    with reading(engine) as connection:
        held = quarantine.due(connection, now, CHUNK) + quarantine.answered(connection, CHUNK)
    replayed = sum(len(replay_held(engine, [each], rules, now).patients) for each in held)
    today = day_of(now)

    def due(connection: Connection, limit: int, after: int) -> list[int]:
        return patients.due(connection, today, limit, after)

    def still_due(row: PatientRow) -> bool:
        return row.review_on is not None and row.review_on <= today

    judged = failed = passed_on = 0
    work = [(due, still_due)] if rules.clock == "system" else []
    try:
        for query, wanted in [*work, (patients.unjudged, is_behind)]:
            for page in pages(engine, query):
                tried, failing = judge_page(engine, page, rules, now, wanted)
                judged, failed = judged + tried, failed + failing
    finally:  # whatever is wrong with some record, an urgent alert of another goes on to the next contact
        if rules.clock == "system":
            passed_on = escalate(engine, rules, now)
    return Swept(judged, failed, replayed, passed_on)


def is_behind(row: PatientRow) -> bool:
    """Whether a record is ahead of its last judgement, as `patients.unjudged` finds them."""
    return row.revision != row.judged_revision


def pages(
    engine: Engine,
    query: Callable[[Connection, int, int], list[int]],
    size: Callable[[], int] = lambda: CHUNK,
) -> Iterator[list[int]]:
    """Ids of patients page by page, each read in a transaction of its own, in order of id.

    Args:
        engine: the database.
        query: gives at most so many ids above one, in order.
        size: how many the next page may hold; asked anew for each.
    """
    after = 0
    while True:
        with reading(engine) as connection:
            page = query(connection, size(), after)
        if not page:
            return
        after = page[-1]
        yield page


def judge_page(
    engine: Engine,
    ids: Collection[int],
    rules: Rules,
    now: datetime,
    wanted: Callable[[PatientRow], bool],
    *,
    anew: bool = False,
    told: Callable[[Assessment], None] | None = None,
) -> tuple[int, int]:
    """Judge, in one transaction, the people these patients belong to where a record of theirs still wants it.

    Args:
        engine: the database.
        ids: of patients, as read without a lock: somebody else may have judged them since.
        rules: what to judge by.
        now: the moment, aware.
        wanted: asked of each record once it is locked.
        anew: read the records again, whatever they were read by.
        told: called with each assessment once it is committed.

    Returns:
        How many people were judged, and for how many of those it failed.

    Raises:
        Overloaded: it lost too many races in a row.
    """

    def work(connection: Connection) -> tuple[int, int, list[Assessment]]:
        made: list[Assessment] = []
        step = Step(connection, rules, now, locked=patients.lock(connection, ids))
        rows = [row for row in step.locked.values() if wanted(row)]
        if anew:
            for row in rows:
                row.read_digest = patients.NOT_ALL_ALIKE
        done = conclude(step, {row.id for row in rows}, told=None if told is None else made.append)
        return len(done.people), len(done.failed), made

    judged, failed, made = in_transaction(engine, work)
    if told is not None:
        for each in made:
            told(each)
    return judged, failed


def rejudge(
    engine: Engine,
    rules: Rules,
    now: datetime,
    *,
    everyone: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[int, int]:
    """Judge every record that was judged under another rulebook or other source settings.

    It may be stopped and started again: what is done is committed by chunks and not done twice.

    Args:
        engine: the database.
        rules: what to judge by.
        now: the moment, aware.
        everyone: also those that are up to date.
        progress: called after each chunk with the numbers judged and failed so far.

    Returns:
        How many people were judged, and for how many of those it failed.

    Raises:
        RulebookChanged: another rulebook is in force, or has come into force in the meantime.
    """
    with reading(engine) as connection:
        known = sources.every(connection)
        held = [each for each in quarantine.listed(connection, limit=None) if each.patient_id is None]
    began = time.monotonic()
    replay_held(engine, held, rules, now)
    judged = failed = 0
    for source in known:
        up_to_date = None if everyone else rules.digest(source)

        def left(
            connection: Connection,
            limit: int,
            after: int,
            number: int = source.id,
            digest: str | None = up_to_date,
        ) -> list[int]:
            check_in_force(connection, rules, now + timedelta(seconds=time.monotonic() - began))
            return patients.outdated(connection, {number: digest}, limit, after)

        def still_outdated(row: PatientRow, digest: str | None = up_to_date) -> bool:
            return row.read_digest != digest

        for page in pages(engine, left):
            tried, failing = judge_page(engine, page, rules, now, still_outdated, anew=everyone)
            judged, failed = judged + tried, failed + failing
            if progress is not None:
                progress(judged, failed)
    return judged, failed


def outdated(connection: Connection, rules: Rules) -> bool:
    """Whether any record was judged under another rulebook or other source settings than those of now.

    One that cannot be read any more is not waited for: it is in quarantine, as `assessment-failed`.
    """
    digests = {each.id: rules.digest(each) for each in sources.every(connection)}
    after = 0
    while page := patients.outdated(connection, digests, CHUNK, after):
        if set(page) - quarantine.patients_held(connection, page, FAILED):
            return True
        after = page[-1]
    return False


def behind(connection: Connection, rules: Rules) -> bool:
    """Whether any record still waits to be judged under the rules of now."""
    return outdated(connection, rules) or bool(patients.unjudged(connection, 1))


def replay_held(engine: Engine, held: Iterable[Held], rules: Rules, now: datetime) -> Receipt:
    """Take quarantined resources again, all of one source in one transaction; what still fails stays held.

    Raises:
        Overloaded: it lost too many races in a row.
    """
    by_source: dict[int, list[Held]] = {}
    for each in held:
        by_source.setdefault(each.source_id, []).append(each)
    total = Receipt()
    for source_id, group in sorted(by_source.items()):

        def work(connection: Connection, source_id: int = source_id, group: list[Held] = group) -> Receipt:
            return replay(connection, group, sources.by_id(connection, source_id), rules, now)

        receipt = in_transaction(engine, work)
        total.counts += receipt.counts
        total.patients |= receipt.patients
    return total
