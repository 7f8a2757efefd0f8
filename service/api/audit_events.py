"""The audit log as AuditEvents, for reader tokens that audit: read, searched, and itself audited.

A token sees the events of its sources, and those about none (sign-ins, accounts, keys), which are about no
patient either.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import Connection, Engine

from service.api.alert_search import Scope, scope_of
from service.api.instants import DateQuery, parse_date_query
from service.api.paging import envelope
from service.api.people_search import Person, people_named, records_of
from service.api.reads import Seen, note_reading, query_of
from service.api.search_parameters import MANNER, Manner, alternatives, check_choice, read_into
from service.api.targets import NOBODY
from service.errors import InvalidResource, NotFound
from service.fhir import names
from service.fhir.audit_codes import KINDS, actions_of
from service.fhir.encode_audit import THE_SERVICE, Event, encode_audit_event
from service.fhir.outgoing import validate_outgoing
from service.fhir.required_codes import REQUIRED
from service.store import audit_log
from service.store.audit_log import Entry, Wanted
from service.store.readers import Reader
from service.store.session import snapshot

KIND: Final = "AuditEvent"
_AGENT: Final = "agent:identifier"
_LARGEST_ID: Final = 2**63 - 1
_OPEN: Final = frozenset({_AGENT, "type", "subtype", "_id"})
"""Parameters that take any words."""
_OUR_NAMES: Final = re.compile(r"[0-9]+|Device/liverwatch|liverwatch|(user|reader):[a-z0-9:._-]+", re.ASCII)
_OUR_CODES: Final = frozenset(KINDS) | {
    code.code for kind in KINDS.values() for code in (kind.type, kind.subtype) if code
}

SEARCHED: Final[dict[str, tuple[str, str]]] = {
    "date": (
        "date",
        "When it was recorded. Overlap by two minutes: events are stamped before they are committed.",
    ),
    "patient": ("reference", "Whom it is about, as in searches of alerts. Search by POST."),
    "agent": (
        "reference",
        (
            "Who did it, as agent:identifier, by the identifier that agent.who has: user:adams, reader:ward; "
            "Device/liverwatch for what this service did itself."
        ),
    ),
    "action": ("token", "C, R, U, D or E."),
    "type": ("token", "The type of event."),
    "subtype": ("token", "The interaction, what sort of event it is, or what the audit log calls it."),
    "_id": ("token", "The number of the event."),
}
"""Name → FHIR search parameter type, and what it means here."""

Resource = dict[str, Any]


@dataclass(slots=True)
class Asked(Manner):
    """A search as a client asked for it. Of what is None anything is wanted."""

    given: list[tuple[str, str]] = field(default_factory=list)
    """What links repeat: everything that was understood but patients, whom they name by opaque ids."""
    patients: list[tuple[str, ...]] = field(default_factory=list)
    actors: frozenset[str] | None = None
    actions: frozenset[str] | None = None
    ids: frozenset[int] | None = None
    periods: list[list[DateQuery]] = field(default_factory=list)
    newest_first: bool = False
    after: int | None = None


def parse_audit_search(pairs: Iterable[tuple[str, str]], *, strict: bool) -> Asked:
    """What a client asks for.

    Raises:
        InvalidResource: a value cannot be read, a modifier is used, or (strict) a parameter is not known.
    """
    asked = Asked()
    read_into(asked, pairs, _READERS, strict=strict)
    return asked


@dataclass(frozen=True, slots=True)
class AuditDesk:
    """Where one auditing reader's one request is served."""

    engine: Engine
    reader: Reader
    public_url: str
    base: str
    """Base URL of the FHIR endpoint."""
    request_id: str

    def read(self, event_id: str) -> Resource:
        """One event.

        Raises:
            NotFound: there is none of that id, or it is of a source that the reader may not see.
            InvalidOutgoing: it is not valid FHIR and must not leave.
        """
        ids = _numbers([event_id])
        with snapshot(self.engine) as connection:
            scope = scope_of(connection, self.reader)
            found = audit_log.page(connection, Wanted(scope.keys(), ids=ids), 1)
        about = Counter({(each.source_id, each.patient_id): 1 for each in found})
        self._note("read", about or Counter({(None, None): 0}), {"id": event_id if found else None})
        if not found:
            raise NotFound(f"there is no {KIND} of that id here")
        return self._shown(found[0], scope)

    def search(self, asked: Asked) -> Resource:
        """One page of a search, as a Bundle."""
        with snapshot(self.engine) as connection:
            scope = scope_of(connection, self.reader)
            people = people_named(connection, scope, asked.patients, self.base) if asked.patients else None
            wanted = self._wanted(connection, scope, asked, people)
            total = None
            if asked.only_count or (asked.total != "none" and asked.after is None):
                total = audit_log.count(connection, wanted)
            limit = 0 if asked.only_count else asked.count + 1
            found = audit_log.page(connection, wanted, limit, asked.after, newest_first=asked.newest_first)
        entries = [
            {
                "fullUrl": f"{self.base}/{KIND}/{each.id}",
                "resource": self._shown(each, scope),
                "search": {"mode": "match"},
            }
            for each in found[: asked.count]
        ]
        links = {"self": self._link(asked, people, asked.after)}
        if len(found) > asked.count:
            links["next"] = self._link(asked, people, found[asked.count - 1].id)
        validate_outgoing(envelope(links, total, []))  # the resources in it have been
        # One row a search: a row for each patient would give whoever follows the log as many new ones.
        about: Seen = Counter({(None, None): len(entries)})
        if people is not None:
            about = Counter({(each.source_id, each.id): len(entries) for each in people}) or about
        self._note("search", about, {"query": query_of(self._link(asked, people, asked.after, _kept))})
        return envelope(links, total, entries)

    def _wanted(
        self, connection: Connection, scope: Scope, asked: Asked, people: list[Person] | None
    ) -> Wanted:
        records = None if people is None else records_of(connection, people)
        return Wanted(scope.keys(), asked.ids, asked.actors, asked.actions, records, asked.periods)

    def _link(
        self,
        asked: Asked,
        people: list[Person] | None,
        after: int | None,
        spelt: Callable[[str, str], str] = lambda _name, value: value,
    ) -> str:
        pairs = [(name, spelt(name, value)) for name, value in asked.given]
        if people is not None:
            named = [str(each.public_id) for each in people] or [str(NOBODY)]
            pairs.append(("patient", ",".join(sorted(named))))
        pairs.append(("_summary", "count") if asked.only_count else ("_count", str(asked.count)))
        if after is not None:
            pairs.append(("_after", str(after)))
        return f"{self.base}/{KIND}?{urlencode(pairs, safe=',:/|')}"

    def _shown(self, entry: Entry, scope: Scope) -> Resource:
        shown = encode_audit_event(event_of(entry, scope), self.public_url)
        validate_outgoing(shown)
        return shown

    def _note(self, action: str, about: Seen, more: dict[str, str | None]) -> None:
        note_reading(self.engine, self.reader, self.request_id, action, KIND, about, more)


def event_of(entry: Entry, scope: Scope) -> Event:
    """A row of the log as it is encoded: what it is about under its address at the source."""
    source = scope.get(entry.source_id) if entry.source_id is not None else None
    server = (source.settings.fhir_base_url or "").rstrip("/") if source else ""
    there = f"{server}/" if server else ""
    return Event(
        entry.id,
        entry.at,
        entry.actor,
        entry.action,
        entry.detail,
        patient=f"{there}Patient/{entry.fhir_id}" if entry.fhir_id else None,
        server=server or None,
        source=source.name if source else None,
    )


def _kept(name: str, value: str) -> str:
    """What the audit keeps of a value: codes and names of ours, for anything else may name a patient."""
    words = [each.rpartition("|")[2] for each in alternatives(name, value)]
    if name in _OPEN and not all(each in _OUR_CODES or _OUR_NAMES.fullmatch(each) for each in words):
        return "not-kept"
    return value


def _numbers(ids: Iterable[str]) -> frozenset[int]:
    """Those that can be numbers of rows, in the one spelling that we give them."""
    found = {int(each) for each in ids if each.isascii() and each.isdigit() and len(each) < 20}
    return frozenset(each for each in found if each <= _LARGEST_ID and str(each) in set(ids))


def _date(asked: Asked, value: str, _strict: bool) -> None:
    asked.periods.append([parse_date_query(each, "date") for each in alternatives("date", value)])
    asked.given.append(("date", value))


def _patient(asked: Asked, value: str, _strict: bool) -> None:
    asked.patients.append(alternatives("patient", value))


def _agent(asked: Asked, value: str, _strict: bool) -> None:
    actors = set()
    for each in alternatives("agent", value):
        system, bar, name = each.rpartition("|")
        if not bar or system in ("", names.ACTOR):
            actors.add(THE_SERVICE if name == "Device/liverwatch" else name.replace("\0", ""))
    asked.actors = frozenset(actors) if asked.actors is None else asked.actors & actors
    asked.given.append((_AGENT, value))


def _action(asked: Asked, value: str, _strict: bool) -> None:
    codes = {each.rpartition("|")[2] for each in alternatives("action", value)}
    allowed = REQUIRED["AuditEvent.action"]
    if not codes <= allowed:
        raise InvalidResource(f"action: give one of {', '.join(sorted(allowed))}")
    _narrow(asked, {name for name, kind in KINDS.items() if kind.does in codes})
    asked.given.append(("action", value))


def _type(asked: Asked, value: str, _strict: bool) -> None:
    _narrow(asked, actions_of(_tokens("type", value), "type"))
    asked.given.append(("type", value))


def _subtype(asked: Asked, value: str, _strict: bool) -> None:
    tokens = _tokens("subtype", value)
    ours = {code for system, code in tokens if system in (None, names.AUDITED) and code in KINDS}
    _narrow(asked, actions_of(tokens, "subtype") | ours)
    asked.given.append(("subtype", value))


def _narrow(asked: Asked, actions: set[str]) -> None:
    asked.actions = frozenset(actions) if asked.actions is None else asked.actions & actions


def _tokens(name: str, value: str) -> list[tuple[str | None, str]]:
    split = [each.rpartition("|") for each in alternatives(name, value)]
    return [(system if bar else None, code) for system, bar, code in split]


def _id(asked: Asked, value: str, _strict: bool) -> None:
    found = _numbers(alternatives("_id", value))
    asked.ids = found if asked.ids is None else asked.ids & found
    asked.given.append(("_id", value))


def _sort(asked: Asked, value: str, strict: bool) -> None:
    check_choice("_sort", value, ("date", "-date"), strict)
    asked.newest_first = value == "-date"
    if asked.newest_first:
        asked.given.append(("_sort", value))


def _after(asked: Asked, value: str, _strict: bool) -> None:
    found = _numbers([value])
    if not found:
        raise InvalidResource("_after: not one of this service's links")
    (asked.after,) = found


_READERS: Final = {
    "date": _date,
    "patient": _patient,
    "agent": _agent,
    _AGENT: _agent,
    "action": _action,
    "type": _type,
    "subtype": _subtype,
    "_id": _id,
    **MANNER,
    "_sort": _sort,
    "_after": _after,
}
