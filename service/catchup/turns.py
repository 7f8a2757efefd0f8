"""One round with one source: what was pointed at, what changed or is gone, and whose past is not known."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from service.catchup.asker import Asker
from service.catchup.comparing import compare
from service.catchup.fetching import fetch
from service.catchup.gaps import fill_gaps
from service.catchup.past import read_pasts
from service.catchup.polling import LEASE, read_changes
from service.catchup.subscribing import look_after
from service.errors import InvalidResource, LiverwatchError
from service.fhir.queries import ASKED_FOR
from service.fhir.remote import RemoteRefused, RemoteUnavailable
from service.store import catch_up, exports
from service.store.catch_up import Turn
from service.store.session import reading, writing

_SUBSCRIPTION: Final = "Subscription"
TURNS: Final = (*ASKED_FOR, _SUBSCRIPTION)
"""What takes turns: each type that is read, and the Subscriptions that are kept."""
_FIRST_WAIT: Final = timedelta(seconds=5)
"""After a failure that may pass; doubled with each, up to the interval."""


@dataclass(slots=True)
class Asked:
    """What came of asking one source."""

    read: list[str] = field(default_factory=list)
    """Types that were read to their end."""
    problems: dict[str, str] = field(default_factory=dict)
    """By type, why it could not be read."""
    fetched: int = 0
    """Rows of what was only pointed at that were taken up."""
    pasts: int = 0


def ask(asker: Asker, *, whole: bool = False) -> Asked:
    """Do all that is due with one source.

    Args:
        asker: what it takes.
        whole: look for everything known within the window, and not only for a part of it in each turn.

    Raises:
        RemoteUnavailable: the server does not answer; what is left is asked for later.
    """
    asked = Asked()
    with writing(asker.engine) as connection:
        catch_up.begin(connection, asker.source.id, TURNS, asker.clock())
    while not asker.stop() and (done := fetch(asker)):
        asked.fetched += done
    while not asker.stop() and (turn := _next(asker)) is not None:
        _take(asker, turn, asked, whole=whole)
    while not asker.stop() and not _pasts_come(asker) and (done := read_pasts(asker)):
        asked.pasts += done
    return asked


def ask_since(asker: Asker, since: datetime) -> Asked:
    """Ask a source for all it changed since then, and look for all that came since then.

    Raises:
        RemoteUnavailable: the server does not answer; the service goes on from there when it does.
    """
    with writing(asker.engine) as connection:
        catch_up.begin(connection, asker.source.id, TURNS, asker.clock())
        catch_up.set_back(connection, asker.source.id, since, asker.clock())
    return ask(asker, whole=True)


def _pasts_come(asker: Asker) -> bool:
    """Whether an export is bringing everybody's past."""
    with reading(asker.engine) as connection:
        return exports.brings_pasts(connection, asker.source.id, asker.clock())


def _next(asker: Asker) -> Turn | None:
    with writing(asker.engine) as connection:
        return catch_up.take_turn(connection, asker.source.id, asker.clock(), LEASE)


def _take(asker: Asker, turn: Turn, asked: Asked, *, whole: bool) -> None:
    """One type's turn: a server that refuses one type is asked for the others nevertheless."""
    interval = timedelta(seconds=asker.source.settings.poll_seconds)
    compared = None
    try:
        if turn.type == _SUBSCRIPTION:
            look_after(asker.engine, asker.source, asker.client, asker.clock())
            fill_gaps(asker)
        else:
            read_changes(asker, turn)
            compared = compare(asker, turn, whole=whole)
    except (RemoteRefused, InvalidResource) as error:
        _fail(asker, turn, asked, error, interval)
    except RemoteUnavailable as error:
        wait = min(_FIRST_WAIT * 2 ** min(turn.failures, 16), interval)
        _fail(asker, turn, asked, error, max(wait, timedelta(seconds=error.retry_after or 0)))
        if error.affects_server:
            raise
    else:
        now = asker.clock()
        stopped = asker.stop()
        with writing(asker.engine) as connection:
            catch_up.finish(
                connection,
                turn,
                read=turn.read if stopped else now,
                next_at=now if stopped else now + interval,
                compared=turn.compared if stopped else compared,
            )
            if not stopped:
                catch_up.answered(connection, turn)
        if not stopped:
            asked.read.append(turn.type)


def _fail(asker: Asker, turn: Turn, asked: Asked, error: LiverwatchError, wait: timedelta) -> None:
    asked.problems[turn.type] = error.message
    with writing(asker.engine) as connection:
        catch_up.fail(connection, turn, error.message, asker.clock() + wait)
