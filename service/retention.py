"""Retention: what is older than the site wants to keep is erased, record by record, and the audit says so.

A record is erased whole, with every other that it shares a past with (`store.past`): so what is left is as it
was, and every decision on it can still be made again. What the audit log holds stays as it is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Final

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
from service.store.session import reading

PAGE: Final = 500
"""Patients looked at in one transaction."""
MOST_UNASKED: Final = 0.01
"""Of all records. Kept for ten years, one in some thousands expires a day."""
FEW: Final = 10
"""So many may expire on one day where there are few."""


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


def rehearse(engine: Engine, kept: Retention, now: datetime) -> Expired:
    """What :func:`erase_expired` would erase; nothing is."""
    found = Expired()
    for what, every in _leftovers(kept, now).items():
        with reading(engine) as connection:
            found.leftovers[what] = sum(leftovers.count(connection, each) for each in every)
    for _, standing in _looked_at(engine, kept, now):
        found.records[standing] += 1
    return found


def erase_expired(
    engine: Engine, kept: Retention, now: datetime, *, by: str, stop: Callable[[], bool] = lambda: False
) -> Expired:
    """Erase what is older than it is to be kept.

    It may be stopped, or die, at any time, and several may run at once: every record goes in a transaction of
    its own, once it is seen under its locks that nothing stands against it.

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
        for each in every:
            done.leftovers[what] += _erase_leftovers(engine, what, each, now, by, stop)
    for number, looked in _looked_at(engine, kept, now):
        if stop():
            break
        became = looked if looked is not Standing.DUE else _erase_record(engine, number, kept, now, by)
        if became is not None:
            done.records[became] += 1
    return done


def erase_unasked(
    engine: Engine, kept: Retention, now: datetime, *, by: str, stop: Callable[[], bool] = lambda: False
) -> Expired:
    """As :func:`erase_expired`, where nobody looks on: not so much at once that something is likelier wrong.

    Raises:
        Conflict: it would be more than one in a hundred of all records; nothing was erased.
    """
    due = sum(standing is Standing.DUE for _, standing in _looked_at(engine, kept, now))
    with reading(engine) as connection:
        everybody = people.count(connection, [each.id for each in sources.every(connection)])
    if due > max(FEW, everybody * MOST_UNASKED):
        raise Conflict(
            f"{due} of {everybody} records have expired, too many to erase them unasked: if neither the "
            "clock nor LIVERWATCH_RETENTION_YEARS is wrong, run `liverwatch database erase-expired`"
        )
    return erase_expired(engine, kept, now, by=by, stop=stop)


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


def _looked_at(engine: Engine, kept: Retention, now: datetime) -> Iterator[tuple[int, Standing]]:
    """Every record that looks old enough, and what stands against erasing it; of a past the lowest number."""
    after = 0
    while kept.years is not None:
        since = _since(kept.years, now)
        with reading(engine) as connection:
            page = patients.numbers(connection, after, PAGE)
            if not page:
                return
            after = page[-1]
            found = []
            for number in expiry.quiet(connection, page, since):
                past = past_of(connection, [number])
                if number == min(expiry.quiet(connection, past.numbers, since)):
                    found.append((number, expiry.standing(connection, past, since)))
        yield from found


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


def _erase_leftovers(
    engine: Engine, what: str, left: Leftovers, now: datetime, by: str, stop: Callable[[], bool]
) -> int:
    erased = 0
    while not stop():

        def work(connection: Connection) -> int:
            count = leftovers.erase(connection, left)
            if count:
                detail = {"of": what, "count": count}
                decisions.write_audit(connection, at=now, actor=by, action="erase", detail=detail)
            return count

        count = in_transaction(engine, work)
        erased += count
        if not count:
            break
    return erased
