"""What is known and is there no more: searches never tell of it, and few servers notify."""

from datetime import datetime, timedelta
from typing import Final

from service.catchup.asker import Asker
from service.fhir.queries import still_there
from service.store import catch_up
from service.store.catch_up import Known, Turn
from service.store.session import reading

_AT_ONCE: Final = 50
"""Ids in one search: an address of a few kilobytes."""
_IN_A_TURN: Final = 500
"""Ids of the window that are looked for in each turn, so that comparing never keeps what is new waiting."""
_RECENT_IN_A_TURN: Final = 5000
"""And of what came lately. More come in bulk alone; those beyond are looked for with the window."""
_RECENT: Final = timedelta(hours=1)
"""What came so long before the last turn, or since, is looked for in every turn: most of what is deleted was
wrong from the start."""
_WINDOW: Final = timedelta(days=90)
"""All that came in so many days is looked for again, turn by turn, and then anew."""
_SETTLED: Final = timedelta(minutes=1)
"""What came only just now may not have reached every part of the server."""


def compare(asker: Asker, turn: Turn, *, whole: bool = False) -> Known | None:
    """Look for what came lately, and for a part of the window (with `whole`, all of it).

    Returns:
        Up to where the window was looked through; None where it begins anew.

    Raises:
        RemoteError: the server did not answer, or refused.
    """
    now = asker.clock()
    recent = min(now, turn.read or now) - _RECENT
    _look_for(asker, turn, Known(recent, ""), now - _SETTLED, None if whole else _RECENT_IN_A_TURN)
    window = turn.compared or Known(now - _WINDOW, "")
    return _look_for(asker, turn, window, recent, None if whole else _IN_A_TURN)


def _look_for(asker: Asker, turn: Turn, at: Known, until: datetime, limit: int | None = None) -> Known | None:
    """Ask by id for what came after `at` and by `until`; what is missing is read, to be sure.

    A server may not find a resource and have it all the same (its index lags): only a read that says 404 or
    410 makes it gone.

    Returns:
        Up to where it looked; None where nothing is left.
    """
    done = 0
    while limit is None or done < limit:
        if asker.stop():
            return at
        with reading(asker.engine) as connection:
            known = catch_up.known(connection, asker.source.id, turn.type, at, until, _AT_ONCE)
        if not known:
            return None
        found = asker.client.search(turn.type, still_there([one.id for one in known]))
        there = {each.get("id") for each in found}
        missing = [asker.read_known(turn.type, one.id) for one in known if one.id not in there]
        asker.take(missing, "catch-up")
        at = known[-1]
        done += len(known)
    return at
