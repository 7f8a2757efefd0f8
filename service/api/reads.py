"""Reads and searches, each from one snapshot of the database, each in the audit before it is answered."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine

from service.api import alert_search
from service.api.alert_search import Scope, Stored
from service.api.paging import (
    Cursor,
    Position,
    Search,
    decode_cursor,
    envelope,
    next_link,
    search_of,
    self_link,
)
from service.api.people_search import Person, people_named, people_of, records_of
from service.api.presenting import Presenter, Resource, Shown, Surroundings, surroundings_of, unshowable
from service.api.search_parameters import Asked
from service.api.targets import ALONE, Kind, split_target, target_of
from service.errors import Erased, NotFound
from service.fhir.outgoing import InvalidOutgoing, validate_outgoing
from service.store import audit_log
from service.store.decisions import write_audit
from service.store.readers import Reader
from service.store.session import snapshot, writing

_MANY = 10_000
"""Alerts whose steps are counted only on request: steps are not stored, they follow from each alert."""
_LONGEST_QUERY = 1000
"""Characters of a search that the audit keeps."""

Seen = Counter[tuple[int | None, int | None]]
"""Resources that were shown, by source and patient."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one reader's one request is served."""

    engine: Engine
    reader: Reader
    presenter: Presenter
    request_id: str

    def read(self, kind: Kind, resource_id: str) -> Shown:
        """One resource as it stands, withdrawn ones too.

        Raises:
            Erased: there was one.
            NotFound: there is none of that id, or it is of a source that the reader may not see.
            InvalidOutgoing: it is not valid FHIR and must not leave.
        """
        with snapshot(self.engine) as connection:
            found = self._find(connection, kind, resource_id)
            erased = None if found else self._erased(connection, kind, resource_id)
        seen: Seen = Counter()
        seen[(found[0].source.id, found[0].alert.subject) if found else (None, None)] = int(found is not None)
        self._note("read", kind, seen, id=resource_id if found else None)
        if found is None:
            raise erased or NotFound(f"there is no {kind} of that id here")
        return found[1]

    def _erased(self, connection: Connection, kind: Kind, resource_id: str) -> Erased | None:
        named = split_target(kind, resource_id)
        scope = alert_search.scope_of(connection, self.reader)
        return audit_log.erasure_of(connection, scope, named[0]) if named else None

    def _find(self, connection: Connection, kind: Kind, resource_id: str) -> tuple[Stored, Shown] | None:
        named = split_target(kind, resource_id)
        scope = alert_search.scope_of(connection, self.reader)
        stored = alert_search.find(connection, scope, named[0]) if named else None
        if named is None or stored is None:
            return None
        if named[1] not in self.presenter.statuses(stored, kind):
            return None
        around = surroundings_of(connection, [stored])
        return stored, self.presenter.show(stored, kind, [named[1]], around)[0]

    def search(self, asked: Asked) -> Resource:
        """One page of a search, as a Bundle.

        Raises:
            InvalidResource: the cursor is none of ours.
        """
        with snapshot(self.engine) as connection:
            hunt = self._hunt(connection, asked)
            page = _Page() if asked.only_count else hunt.page(connection)
        if hunt.people is not None:
            page.seen.update({(each.source_id, each.id): 0 for each in hunt.people})
        bundle = self._bundle(asked, hunt, page)
        understood = query_of(self_link(self.presenter.base, hunt.search, only_count=asked.only_count))
        self._note("search", asked.kind, page.seen or Counter({(None, None): 0}), query=understood)
        return bundle

    def _hunt(self, connection: Connection, asked: Asked) -> "_Hunt":
        scope = alert_search.scope_of(connection, self.reader)
        people: list[Person] | None = None
        if asked.cursor is not None:
            cursor = decode_cursor(asked.cursor, asked.kind)
            if cursor.search.patients is not None:
                people = people_of(connection, scope, cursor.search.patients)
            hunt = _Hunt(self.presenter, scope, cursor.search, people, cursor.after, cursor.total)
        else:
            if asked.patients:
                people = people_named(connection, scope, asked.patients, self.presenter.base)
            search = search_of(asked, None if people is None else [each.public_id for each in people])
            hunt = _Hunt(self.presenter, scope, search, people)
        if people is not None:
            hunt.records = records_of(connection, people)
        if hunt.after is None and (asked.total != "none" or asked.only_count):
            hunt.total = hunt.count(connection, exactly=asked.total == "accurate" or asked.only_count)
        return hunt

    def _bundle(self, asked: Asked, hunt: "_Hunt", page: "_Page") -> Resource:
        base = self.presenter.base
        links = {"self": self_link(base, hunt.search, only_count=asked.only_count)}
        if hunt.after is not None:
            links["self"] = next_link(base, Cursor(hunt.search, hunt.after, hunt.total))
        if page.last is not None:
            links["next"] = next_link(base, Cursor(hunt.search, page.last, hunt.total))
        validate_outgoing(envelope(links, hunt.total, []))  # the resources in it have been
        return envelope(links, hunt.total, page.entries)

    def _note(self, action: str, kind: Kind, seen: Seen, **more: str | None) -> None:
        note_reading(self.engine, self.reader, self.request_id, action, kind, seen, more)


def query_of(link: str) -> str:
    """The search that a link of ours says, which names nobody, as the audit keeps it."""
    return urlsplit(link).query[:_LONGEST_QUERY]


def note_reading(
    engine: Engine,
    reader: Reader,
    request_id: str,
    action: str,
    kind: str,
    seen: Seen,
    more: Mapping[str, str | None],
) -> None:
    """Note who saw how much of whom; committed before the answer, and without it there is none.

    Args:
        engine: of the database.
        reader: who.
        request_id: ties the rows to each other and to the access log.
        action: read or search.
        kind: of resource.
        seen: how many resources of whom: (source, patient).
        more: that is told of each; our own ids and words alone.
    """
    now = datetime.now(UTC)
    told = {name: value for name, value in more.items() if value is not None}
    with writing(engine) as connection:
        for (source_id, patient_id), count in seen.items():
            write_audit(
                connection,
                at=now,
                actor=f"reader:{reader.name}",
                action=action,
                source_id=source_id,
                patient_id=patient_id,
                detail={"resource": kind, "count": count, "request": request_id, **told},
            )


@dataclass(slots=True)
class _Page:
    entries: list[dict[str, Any]] = field(default_factory=list)
    seen: Seen = field(default_factory=Counter)
    last: Position | None = None
    """Where the next page goes on; None where this is the last one."""


@dataclass(slots=True)
class _Hunt:
    """A search under way within one snapshot."""

    presenter: Presenter
    scope: Scope
    search: Search
    people: list[Person] | None
    after: Position | None = None
    total: int | None = None
    records: set[int] | None = None
    """Store's numbers of all records of `people`."""

    def count(self, connection: Connection, *, exactly: bool) -> int | None:
        """How many resources there are on all pages; None where that is costly and nobody insists."""
        alerts = alert_search.count(connection, self.scope, self.search, self.records)
        if self.search.kind in ALONE:
            return alerts
        if alerts > _MANY and not exactly:
            return None
        found = alert_search.walk(connection, self.scope, self.search, self.records)
        return sum(len(self._steps(stored)) for stored in found)

    def page(self, connection: Connection) -> _Page:
        """The resources after `after`, as many as the search wants."""
        page, room = _Page(), self.search.count
        chunk = min(room + 1, 200)
        found = alert_search.walk(
            connection, self.scope, self.search, self.records, self.after, at_once=chunk
        )
        last: Position | None = None
        chosen: list[tuple[Stored, list[str]]] = []
        for stored in found:
            steps = [step for step in self._steps(stored) if self._is_ahead(_position(stored, step))]
            if not steps:
                continue
            if room == 0:
                page.last = last
                break
            taken = steps[:room]
            chosen.append((stored, taken))
            page.seen[stored.source.id, stored.alert.subject] += len(taken)
            room -= len(taken)
            last = _position(stored, taken[-1])
            if len(taken) < len(steps):
                page.last = last
                break
        around = surroundings_of(connection, [stored for stored, _ in chosen])
        page.entries = [entry for stored, steps in chosen for entry in self._entries(stored, steps, around)]
        return page

    def _steps(self, stored: Stored) -> list[str]:
        """What of an alert the search finds: names of steps, or an empty one for the DetectedIssue."""
        kind, targets, statuses = self.search.kind, self.search.targets, self.search.statuses
        known = self.presenter.statuses(stored, kind)
        # The database has chosen what there is one of by status already.
        chosen = None if kind in ALONE else statuses
        found = [step for step, status in known.items() if chosen is None or status in chosen]
        if targets is None:
            return found
        return [step for step in found if target_of(kind, stored.alert.id, step) in targets]

    def _is_ahead(self, position: Position) -> bool:
        if self.after is None:
            return True
        after = self.after
        return (position.updated, position.alert, position.step) > (after.updated, after.alert, after.step)

    def _entries(self, stored: Stored, steps: list[str], around: Surroundings) -> list[dict[str, Any]]:
        kind = self.search.kind
        try:
            shown = self.presenter.show(stored, kind, steps, around)
        except InvalidOutgoing as error:
            broken = [unshowable(kind, stored, step, error) for step in steps]
            return [{"resource": each, "search": {"mode": "outcome"}} for each in broken]
        return [
            {
                "fullUrl": f"{self.presenter.base}/{kind}/{each.resource['id']}",
                "resource": each.resource,
                "search": {"mode": "match"},
            }
            for each in shown
        ]


def _position(stored: Stored, step: str) -> Position:
    return Position(stored.updated, stored.alert.id, step)
