"""What notifications passed over, as the server counts, is asked for by `$events` where it has that."""

from typing import Final

from service.catchup.asker import Asker
from service.errors import InvalidResource, MalformedInput
from service.fhir.notifications import Notification, decode_notification
from service.fhir.remote import RemoteRefused
from service.fhir.strict_json import check_json
from service.store import catch_up, fetches, gaps, subscriptions
from service.store.fetches import WHATEVER
from service.store.gaps import Gap
from service.store.heard import Heard
from service.store.session import reading, writing
from service.store.subscriptions import GONE, Kept

STATUS: Final = "status"
EVENTS: Final = "events"
OPERATIONS: Final = (STATUS, EVENTS)
"""Of Subscriptions to topics (Subscriptions R5 Backport IG, FHIR R5)."""
_AT_ONCE: Final = 100
"""Events in one answer: far below the limit of its bytes."""
_MOST: Final = 2000
"""Of a gap that is larger the server keeps little, or its numbers mean something else."""
_MOST_ENTRIES: Final = 10_000
_DEPTH: Final = 60


def fill_gaps(asker: Asker) -> None:
    """Count again what there was, and fetch what is missing, of each Subscription made here.

    What cannot be had so is found as what any feed loses: every type is asked for what changed, at once.

    Raises:
        RemoteUnavailable: the server does not answer; what is missing stays noted.
    """
    with reading(asker.engine) as connection:
        known = subscriptions.of_source(connection, asker.source.id)
    for kept in known:
        if STATUS in kept.operations and kept.events is not None and kept.status != GONE:
            _count(asker, kept)
    offering = {each.fhir_id for each in known if EVENTS in each.operations and each.status != GONE}
    with reading(asker.engine) as connection:
        missing = gaps.of_source(connection, asker.source.id)
    for gap in missing:
        if asker.stop():
            return
        if gap.fhir_id not in offering or not _fetched(asker, gap):
            with writing(asker.engine) as connection:
                catch_up.hurry(connection, asker.source.id, asker.clock())
        with writing(asker.engine) as connection:
            gaps.filled(connection, asker.source.id, gap)


def _count(asker: Asker, kept: Kept) -> None:
    """Ask how many events there were: the last of them may be what was lost."""
    try:
        said = _asked(asker, kept.fhir_id, STATUS, {})
    except (RemoteRefused, InvalidResource, MalformedInput):
        return
    heard = Heard("query-status", said.status, said.events, (), kept.fhir_id)
    with writing(asker.engine) as connection:
        gaps.note(connection, asker.source.id, heard, asker.clock())


def _fetched(asker: Asker, gap: Gap) -> bool:
    """Whether the missing events could be had."""
    if gap.last - gap.first >= _MOST:
        return False
    for first in range(gap.first, gap.last + 1, _AT_ONCE):
        wanted = {
            "eventsSinceNumber": str(first),
            "eventsUntilNumber": str(min(first + _AT_ONCE - 1, gap.last)),
        }
        try:
            said = _asked(asker, gap.fhir_id, EVENTS, wanted)
        except (RemoteRefused, InvalidResource, MalformedInput):
            return False
        asker.take(said.incoming, "catch-up")
        pointers = (*said.to_fetch, *((WHATEVER,) if said.whatever else ()))
        with writing(asker.engine) as connection:
            fetches.ask(connection, asker.source.id, pointers, "catch-up", asker.clock())
    return True


def _asked(asker: Asker, fhir_id: str, operation: str, parameters: dict[str, str]) -> Notification:
    raw = asker.client.operate("Subscription", fhir_id, operation, parameters)
    source = asker.source
    return decode_notification(
        check_json(raw, max_depth=_DEPTH),
        source=source.name,
        zone=source.zone,
        rulebook=asker.rules.rulebook,
        max_entries=_MOST_ENTRIES,
    )
