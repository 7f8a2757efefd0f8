"""Retention: what is older than the site wants to keep is erased, record by record, and the audit says so.

A record is erased whole, with every other that it shares a past with (`store.past`): so what is left is as it
was, and every decision on it can still be made again. What the audit log holds stays as it is.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine

from service.clinical.months import add_months
from service.errors import Conflict
from service.ingest import LostRace
from service.ingest.receiving import in_transaction
from service.settings import Settings
from service.store import alerts, decisions, erasing, expiry, leftovers, patients, people, sources
from service.store.expiry import Standing
from service.store.leftovers import Leftovers
from service.store.past import Past, past_of
from service.store.patients import PatientRow
from service.store.session import is_away, is_held_up, reading

log = logging.getLogger(__name__)

PAGE: Final = 500
"""Patients looked for in one transaction."""
MOST_UNASKED: Final[Mapping[str, float]] = {
    "records": 0.01,
    "nobodys": 0.1,
    "quarantine": 0.9,
    "simulations": 0.9,
}
"""Of all there are of a kind: what is kept for years expires little by little, what is kept for days may well
all but go in one; where a clock is wrong, all of it does."""
FEW: Final = 10
"""So many may expire on one day where there are few."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long things are kept; None: for ever."""

    years: int | None = None
    """Records, after their newest result, decision or message; and what was received of nobody known."""
    quarantine_days: int | None = None
    """Items of quarantine, after they were closed."""
    simulation_days: int | None = None
    """Simulations, after they were run."""

    @classmethod
    def of(cls, settings: Settings) -> "Retention":
        """What settings ask for."""
        return cls(
            settings.retention_years, settings.retention_quarantine_days, settings.retention_simulation_days
        )

    @property
    def limited(self) -> bool:
        """Whether anything is ever erased."""
        return (self.years, self.quarantine_days, self.simulation_days) != (None, None, None)


@dataclass(slots=True)
class Expired:
    """What one run, or its rehearsal, came to."""

    records: Counter[Standing] = field(default_factory=Counter)
    """Of those that look old enough how many are what, counted once where they share a past; those that are
    due have been erased, but for a rehearsal."""
    leftovers: Counter[str] = field(default_factory=Counter)
    """How many `nobodys` (versions and items of quarantine of no patient), items of `quarantine` and
    `simulations` have been erased as well."""
    failed: int = 0
    """How many records, or kinds of leftovers, could not be looked at or erased: another run tries again."""


def rehearse(engine: Engine, kept: Retention, now: datetime) -> Expired:
    """What :func:`erase_expired` would erase; nothing is."""
    found = Expired()
    for what, every in _leftovers(kept, now).items():
        found.leftovers[what] = _sum(engine, leftovers.count, every)
    for _, standing in _looked_at(engine, kept, now, found):
        found.records[standing] += 1
    return found


def erase_expired(
    engine: Engine, kept: Retention, now: datetime, *, by: str, stop: Callable[[], bool] = lambda: False
) -> Expired:
    """Erase what is older than it is to be kept.

    It may be stopped, or die, at any time, and several may run at once: every record goes in a transaction of
    its own, once it is seen under its locks that nothing stands against it. What fails stays, and keeps
    nothing else from being erased.

    Args:
        engine: the database.
        kept: for how long things are.
        now: the moment, aware.
        by: who starts it, as the audit log names them.
        stop: asked after every transaction.
    """
    done = Expired()
    # First of all what waits for a Patient in vain: it would keep whoever carries that identifier.
    for what, every in _leftovers(kept, now).items():
        done.leftovers[what] = 0
        for each in every:
            work = partial(_erase_leftovers, engine, what, each, now, by)
            while not stop() and (count := _or_failed(done, work)):
                done.leftovers[what] += count
    for number, looked in _looked_at(engine, kept, now, done):
        if stop():
            break
        became: Standing | None = looked
        if looked is Standing.DUE:
            became = _or_failed(done, partial(_erase_record, engine, number, kept, now, by))
        if became is not None:
            done.records[became] += 1
    return done


def erase_unasked(
    engine: Engine, kept: Retention, now: datetime, *, by: str, stop: Callable[[], bool] = lambda: False
) -> Expired:
    """As :func:`erase_expired`, where nobody looks on: not so much at once that something is likelier wrong.

    Raises:
        Conflict: it would be more than `MOST_UNASKED` of all that there are of a kind; nothing was erased.
    """
    foretold = rehearse(engine, kept, now)
    due = {"records": foretold.records[Standing.DUE], **foretold.leftovers}
    with reading(engine) as connection:
        everybody = people.count(connection, [each.id for each in sources.every(connection)])
    there = {what: _sum(engine, leftovers.count_all, every) for what, every in _leftovers(kept, now).items()}
    there["records"] = everybody
    too_many = [
        f"{what}: {count} of {there[what]}"
        for what, count in due.items()
        if count > max(FEW, there[what] * MOST_UNASKED[what])
    ]
    if too_many:
        raise Conflict(
            f"too much has expired to erase it unasked ({'; '.join(too_many)}): if neither the clock nor a "
            "setting LIVERWATCH_RETENTION_* is wrong, run `liverwatch database erase-expired`"
        )
    return erase_expired(engine, kept, now, by=by, stop=stop)


def _or_failed(found: Expired, work: Callable[[], T]) -> T | None:
    """What some work on one thing comes to; None where it fails, and that is counted.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database is away, for everything else too.
    """
    try:
        return work()
    except Exception as error:
        if is_away(error) and not is_held_up(error):
            raise
        found.failed += 1
        log.warning("something that has expired cannot be erased now: %s", type(error).__name__)
        return None


def _sum(engine: Engine, count: Callable[[Connection, Leftovers], int], every: Sequence[Leftovers]) -> int:
    with reading(engine) as connection:
        return sum(count(connection, each) for each in every)


def _leftovers(kept: Retention, now: datetime) -> dict[str, Sequence[Leftovers]]:
    found: dict[str, Sequence[Leftovers]] = {}
    if kept.years is not None:
        found["nobodys"] = leftovers.nobodys(_since(kept.years, now))
    if kept.quarantine_days is not None:
        found["quarantine"] = leftovers.closed(now - timedelta(days=kept.quarantine_days))
    if kept.simulation_days is not None:
        found["simulations"] = leftovers.simulations(now - timedelta(days=kept.simulation_days))
    return found


def _since(years: int, now: datetime) -> datetime:
    """What happened then or later keeps a record: the beginning of that day, UTC."""
    return datetime.combine(add_months(now.astimezone(UTC).date(), -12 * years), time.min, UTC)


def _looked_at(
    engine: Engine, kept: Retention, now: datetime, found: Expired
) -> Iterator[tuple[int, Standing]]:
    """Every record that looks old enough, and what stands against erasing it; of a past the lowest number."""
    after = 0
    while kept.years is not None:
        since = _since(kept.years, now)
        with reading(engine) as connection:
            page = patients.numbers(connection, after, PAGE)
            if not page:
                return
            after = page[-1]
            quiet = expiry.quiet(connection, page, since)
        for number in quiet:
            standing = _or_failed(found, partial(_look_at, engine, number, since))
            if standing is not None:
                yield number, standing


def _look_at(engine: Engine, number: int, since: datetime) -> Standing | None:
    """What stands against erasing a record; None where it is gone, or another number stands for its past."""
    with reading(engine) as connection:
        past = past_of(connection, [number])
        first = min(expiry.quiet(connection, past.numbers, since), default=None)
        return expiry.standing(connection, past, since) if number == first else None


def _erase_record(engine: Engine, number: int, kept: Retention, now: datetime, by: str) -> Standing | None:
    """Erase a record, and what shares its past, if it is still due once locked; None where it is gone."""
    assert kept.years is not None
    since = _since(kept.years, now)

    def work(connection: Connection) -> Standing | None:
        past = past_of(connection, [number])
        locked = patients.lock(connection, past.numbers)
        if number not in locked:
            return None
        if locked.keys() != past.numbers or past_of(connection, past.numbers) != past:
            raise LostRace
        expiry.lock(connection, past)
        standing = expiry.standing(connection, past, since)
        if standing is Standing.DUE:
            _note_erased(connection, past, locked.values(), now, by)
            erasing.erase(connection, past)
        return standing

    return in_transaction(engine, work)


def _note_erased(
    connection: Connection, past: Past, rows: Iterable[PatientRow], now: datetime, by: str
) -> None:
    """In the audit, of each record: which it was, by ids of ours alone, so that whoever asks can be told."""
    ids = people.public_ids(connection, past.numbers)
    made: dict[int, list[str]] = {}
    for each in alerts.of_patients(connection, past.numbers):
        made.setdefault(each.subject, []).append(str(each.id))
    for row in rows:
        decisions.write_audit(
            connection,
            at=now,
            actor=by,
            action="erase",
            source_id=row.source_id,
            patient_id=row.id,
            detail={"record": str(ids[row.id]), "alerts": made.get(row.id, [])},
        )


def _erase_leftovers(engine: Engine, what: str, left: Leftovers, now: datetime, by: str) -> int:
    """Erase as many as go in one transaction; how many there were."""

    def work(connection: Connection) -> int:
        count = leftovers.erase(connection, left)
        if count:
            detail = {"of": what, "count": count}
            decisions.write_audit(connection, at=now, actor=by, action="erase", detail=detail)
        return count

    return in_transaction(engine, work)
