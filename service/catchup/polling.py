"""What changed since it was last asked: whatever the feed lost is found here, within one interval."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from service.catchup.asker import Asker
from service.fhir.queries import Page
from service.store import catch_up, patients
from service.store.catch_up import Turn
from service.store.session import reading, writing

OVERLAP: Final = timedelta(minutes=10)
"""What is read again before the mark: a server commits later than the time it stamps, and clocks differ."""
FIRST: Final = timedelta(days=1)
"""How far back a source is asked when it never was: older results are found patient by patient."""
LEASE: Final = timedelta(minutes=10)
"""How long a turn is nobody else's; it is renewed with every page."""
_PATIENTS: Final = 500


def read_changes(asker: Asker, turn: Turn) -> None:
    """Take everything of one type that changed since the mark, and move the mark.

    The mark is the server's own latest time, never this machine's. While pages come in order it moves with
    each of them, so that what breaks off goes on from there; else only at the end.

    Raises:
        RemoteError: the server did not answer, or refused.
        InvalidResource: what it answered is no Bundle of matches.
    """
    mark = turn.mark or asker.clock() - FIRST
    since = mark - OVERLAP
    if asker.source.settings.catch_up == "patients":
        _by_patient(asker, turn, mark, since)
        return
    newest, latest, in_order = mark, since, True
    for page in asker.changes(turn.type, since=since):
        _take(asker, turn, page)
        in_order = in_order and page.in_order and (page.oldest is None or page.oldest >= latest)
        latest = page.newest or latest
        newest = max(newest, latest)
        _mark(asker, turn, newest if in_order else mark)
        if asker.stop():
            return
    _mark(asker, turn, newest)


def _by_patient(asker: Asker, turn: Turn, mark: datetime, since: datetime) -> None:
    """The same of each patient with an open alert or a result to be followed up, one after the other."""
    newest = mark
    for name in _under_watch(asker):
        for page in asker.changes(turn.type, since=since, patient=name):
            _take(asker, turn, page)
            newest = max(newest, page.newest or newest)
        _mark(asker, turn, mark)
        if asker.stop():
            return
    _mark(asker, turn, newest)


def _under_watch(asker: Asker) -> Iterator[str]:
    after = 0
    while True:
        with reading(asker.engine) as connection:
            found = patients.under_watch(connection, asker.source.id, after, _PATIENTS)
        if not found:
            return
        yield from (name for _, name in found)
        after = found[-1][0]


def _take(asker: Asker, turn: Turn, page: Page) -> None:
    for way, found in groupby(page.incoming, lambda each: turn.way_of(each.last_updated)):
        asker.take(tuple(found), way)


def _mark(asker: Asker, turn: Turn, mark: datetime) -> None:
    with writing(asker.engine) as connection:
        catch_up.advance(connection, turn, mark, asker.clock() + LEASE)
