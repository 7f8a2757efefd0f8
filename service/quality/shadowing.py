"""A candidate rulebook in the shadow of the one in force: whoever is judged by that is judged by it too.

Nothing of it is written to an EHR or shown as an alert. It follows behind, a page of people at a time and in
transactions of its own: a result is acknowledged once it is judged, and must not wait for a second opinion
that nobody acts on. Nor does ingest note whom it is to be asked about: the decisions it records tell.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import Connection, Engine

from service.alerts.states import day_of
from service.clinical.rulebook import Rulebook
from service.errors import Conflict
from service.fhir.encode_audit import THE_SERVICE
from service.ingest import Rules
from service.ingest import pages as pages_of
from service.quality.side_by_side import Judged, Page
from service.quality.tallying import Tally
from service.store import activations, decisions, shadow_figures, shadows, sources
from service.store.patients import PatientRow
from service.store.people import by_number, people
from service.store.rulebooks import stored_rulebook
from service.store.schema import shadow
from service.store.session import reading, snapshot, write_alone, writing
from service.store.shadows import Person, Shadow
from service.store.simulations import Effect
from service.store.sources import Source

PAGE: Final = 200
"""People judged at a time."""
LONGEST_TRANSACTION: Final = timedelta(minutes=5)
"""A decision is committed within this time of getting its number: transactions take a chunk of people."""

Pause = Callable[[float], bool]
"""Waits so many seconds; whether to stop."""


def begin(connection: Connection, rules: Rules, candidate: Rulebook, *, by: str, now: datetime) -> UUID:
    """Put a candidate beside the rulebook in force; its id.

    Args:
        connection: in a transaction that may write.
        rules: what records are judged by now.
        candidate: the rulebook to try.
        by: who does so, as the audit log names them.
        now: the moment, aware.

    Raises:
        Conflict: it is the one in force, another runs already, or a rulebook is proposed.
    """
    if candidate.digest == rules.rulebook.digest:
        raise Conflict("this is the rulebook in force: nothing would differ")
    _check_nothing_is_proposed(connection, now)
    write_alone(connection, shadow)
    if shadows.running(connection) is not None:
        raise Conflict("another candidate runs in the shadow already: end it first")
    latest = shadows.latest_decision(connection)
    made = Shadow(
        uuid4(),
        now,
        by,
        candidate.digest,
        rules.rulebook.digest,
        rules.clock,
        walked_to=0,
        decided_to=max(0, latest - shadows.MOST_UNDER_WAY),
        seen_to=latest,
        seen_at=now,
    )
    decisions.keep_texts(connection, {each.digest: each.text for each in (candidate, rules.rulebook)}, now)
    shadows.begin(connection, made)
    _audit(connection, made, "shadow-begin", by, now)
    return made.id


def end(connection: Connection, *, by: str, now: datetime) -> None:
    """Judge by the candidate no more; what was collected stays.

    Raises:
        Conflict: none runs, or a rulebook is proposed.
    """
    _check_nothing_is_proposed(connection, now)
    _end(connection, by=by, now=now)


def _check_nothing_is_proposed(connection: Connection, now: datetime) -> None:
    """Who confirms a proposal is shown what is in the shadow: it stays what the proposer saw there."""
    if activations.pending(connection, now) is not None:
        raise Conflict("a rulebook is proposed: until it is in force or withdrawn, the shadow stays")


def _end(connection: Connection, *, by: str, now: datetime) -> None:
    made = shadows.running(connection, hold=True)
    if made is None:
        raise Conflict("no candidate runs in the shadow")
    shadows.change(connection, made.id, ended_at=now, ended_by=by)
    _audit(connection, made, "shadow-end", by, now)


def follow(engine: Engine, rules: Rules, now: datetime, pause: Pause = lambda _seconds: False) -> int:
    """Judge by the candidate that runs whoever is new to it, was judged since, or whose day has come.

    Several processes may do so at once, and it may be stopped at any time: what is done is not done twice.
    A candidate that is compared with another rulebook than the one in force ends.

    Args:
        engine: the database.
        rules: what records are judged by now.
        now: the moment, aware.
        pause: asked after each page to wait as long as the page took, so that others have their share of
            the machine.

    Returns:
        How many people were judged.
    """
    with reading(engine) as connection:
        made = shadows.running(connection)
        candidate = None if made is None else stored_rulebook(connection, made.candidate_digest)
    if made is None or candidate is None:
        return 0
    if (made.in_force_digest, made.clock) != (rules.rulebook.digest, rules.clock):
        with writing(engine) as connection:
            if shadows.running(connection, hold=True) == made:
                _end(connection, by=THE_SERVICE, now=now)
        return 0
    done = 0
    for numbers, walked in _pages(engine, made, now):
        began = time.monotonic()
        judged = _judge(engine, made, numbers, rules, candidate, now, walked)
        if judged is None:
            return done
        done += judged
        if pause(time.monotonic() - began):
            return done
    _forget_what_is_settled(engine, made, now)
    return done


def effects(
    connection: Connection, made: Shadow, names: Mapping[int, str], today: date
) -> tuple[dict[int, Effect], date]:
    """What the candidate comes to so far in each of some sources, and the day on which its year ends.

    Args:
        connection: in a transaction that sees one state of the database.
        made: the shadow.
        names: of the sources, by the store's numbers.
        today: the UTC day.
    """
    tallies = {number: Tally(names) for number in names}
    last_day = date.min
    for source_id, people_there, failed, day in shadow_figures.counts(connection, made, names):
        tallies[source_id].people, tallies[source_id].failed = people_there, failed
        last_day = max(last_day, day)
    for source_id, raised in shadow_figures.raised(connection, made, names):
        tallies[source_id].note_days(*_days.decode(raised))
    for row, changed in shadow_figures.standing(connection, made, names):
        tallies[row.source_id].add(row, changed)
    if made.clock == "system" or last_day == date.min:
        last_day = today
    return {number: tally.effect(last_day) for number, tally in tallies.items()}, last_day


def _pages(engine: Engine, made: Shadow, now: datetime) -> Iterator[tuple[list[int], int | None]]:
    """Numbers of people to judge, a page at a time, and how far the first pass over everybody then is."""

    def all_above(connection: Connection, limit: int, after: int) -> list[int]:
        return sorted(people(connection, after=max(after, made.walked_to), limit=limit))

    def decided(connection: Connection, limit: int, after: int) -> list[int]:
        return shadows.decided_since(connection, made, limit, after)

    def due(connection: Connection, limit: int, after: int) -> list[int]:
        return shadows.due(connection, made, day_of(now), limit, after)

    for page in pages_of(engine, all_above, lambda: PAGE):
        yield page, page[-1]
    for query in (decided, due):
        for page in pages_of(engine, query, lambda: PAGE):
            yield page, None


def _judge(
    engine: Engine,
    made: Shadow,
    numbers: Collection[int],
    rules: Rules,
    candidate: Rulebook,
    now: datetime,
    walked: int | None,
) -> int | None:
    """Judge a page of people and keep what came of it; how many, or None where it ended in the meantime."""
    with snapshot(engine) as connection:
        found = by_number(connection, shadows.persons(connection, numbers))
        known = {each.id: each for each in sources.every(connection)}
        decided = shadows.latest_decisions(connection, found)
        read = [
            Page.read(connection, group, source, rules, candidate, now)
            for source, group in _by_source(found, known)
        ]
    judged, members = {}, {}
    for page in read:
        for rows, outcome in page.judged(rules, candidate, now):
            person = _person(rows[0], decided.get(rows[0].id, 0), outcome, now)
            judged[person] = [] if outcome is None else list(outcome.alerts(rows[0]))
            members[rows[0].id] = [row.id for row in rows]
    with writing(engine) as connection:
        current = shadows.running(connection, hold=True)
        if current is None or current.id != made.id:
            return None
        shadows.save(connection, made.id, judged, members, now)
        if walked is not None:
            shadows.change(connection, made.id, walked_to=max(walked, current.walked_to))
    return len(judged)


def _by_source(
    found: Mapping[int, list[PatientRow]], known: Mapping[int, Source]
) -> Iterator[tuple[Source, dict[int, list[PatientRow]]]]:
    for number in sorted({rows[0].source_id for rows in found.values()}):
        yield known[number], {key: rows for key, rows in found.items() if rows[0].source_id == number}


def _person(row: PatientRow, decision: int, outcome: Judged | None, now: datetime) -> Person:
    if outcome is None:
        return Person(row.id, row.source_id, decision, day_of(now), None, failed=True, raised=None)
    days = (outcome.before.days, outcome.after.days)
    raised = _encode(days).decode() if any(days) else None
    return Person(
        row.id, row.source_id, decision, day_of(outcome.as_of), outcome.review_on, failed=False, raised=raised
    )


def _forget_what_is_settled(engine: Engine, made: Shadow, now: datetime) -> None:
    """Move the mark below which no decision can come any more.

    A decision may be committed after one of a higher number: what was the newest a while ago tells which have
    all been committed by now, for no transaction takes so long.
    """
    if now - made.seen_at < LONGEST_TRANSACTION:
        return
    with writing(engine) as connection:
        latest = shadows.latest_decision(connection)
        shadows.change(connection, made.id, decided_to=made.seen_to, seen_to=latest, seen_at=now)


def _audit(connection: Connection, made: Shadow, action: str, by: str, now: datetime) -> None:
    detail: dict[str, Any] = {
        "shadow": str(made.id),
        "candidate": made.candidate_digest,
        "rulebook": made.in_force_digest,
    }
    decisions.write_audit(connection, at=now, actor=by, action=action, detail=detail)


_encode = msgspec.json.encode
_days = msgspec.json.Decoder(tuple[list[date], list[date]])
