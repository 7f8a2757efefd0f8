"""What a notification pointed at without sending it, or could not be told: one row each until it is here."""

from datetime import datetime, timedelta
from typing import Final

from service.catchup.asker import Asker
from service.fhir.decode import tombstone
from service.fhir.incoming import Incoming
from service.fhir.remote import RemoteRefused, RemoteUnavailable
from service.store import catch_up, fetches, resources
from service.store.fetches import WHATEVER, Fetch
from service.store.session import reading, writing

LEASE: Final = timedelta(minutes=5)
_AT_ONCE: Final = 50
_LOOKS: Final = 4
"""How often what is not found is looked for before it counts as gone: a server may notify before it shows."""
_FIRST_WAIT: Final = timedelta(seconds=5)
_LONGEST_WAIT: Final = timedelta(hours=1)


def fetch(asker: Asker) -> int:
    """Fetch what is pointed at, at most a few; how many rows were taken up.

    A row that names nothing means that something changed: every type is asked for at once.

    Raises:
        RemoteUnavailable: the server does not answer; what is left is fetched later.
    """
    now = asker.clock()
    with writing(asker.engine) as connection:
        found = fetches.claim(connection, now, _AT_ONCE, LEASE, [asker.source.id])
    for place, one in enumerate(found):
        try:
            _fetch(asker, one, now)
        except RemoteUnavailable as error:
            for left in found[place:]:
                _later(asker, left, error.message)
            raise
    return len(found)


def _fetch(asker: Asker, one: Fetch, now: datetime) -> None:
    if one.key == WHATEVER:
        with writing(asker.engine) as connection:
            hurry = catch_up.tell if one.way == "feed" else catch_up.hurry
            hurry(connection, asker.source.id, now)
            fetches.settle(connection, one)
        return
    type_, _, id_ = one.key.partition("/")
    try:
        incoming = asker.read(type_, id_)
    except RemoteRefused as error:
        _later(asker, one, error.message)
        return
    if incoming is None:
        if one.attempts + 1 < _LOOKS:
            _later(asker, one, "it is not there, or not yet")
            return
        incoming = _gone(asker, type_, id_)
    if incoming is not None:
        asker.take([incoming], one.way)
    with writing(asker.engine) as connection:
        fetches.settle(connection, one)


def _gone(asker: Asker, type_: str, id_: str) -> Incoming | None:
    """That it is gone; nothing where it was never here."""
    with reading(asker.engine) as connection:
        known = resources.current(connection, asker.source.id, [f"{type_}/{id_}"])
    return tombstone(type_, id_) if known else None


def _later(asker: Asker, one: Fetch, why: str) -> None:
    wait = min(_FIRST_WAIT * 2 ** min(one.attempts, 16), _LONGEST_WAIT)
    with writing(asker.engine) as connection:
        fetches.postpone(connection, one, asker.clock() + wait, why)
