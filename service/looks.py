"""Who looked at a person's record, and did something with it: the audit log in words."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection

from service.fhir.encode_audit import THE_SERVICE
from service.store import audit_log, glass, users
from service.store.audit_log import Entry, Wanted
from service.store.glass import Opened

OF_LISTS: Final = ("read-alerts", "read-episodes", "replay-all")
"""What reads of everybody at once, and so of this person perhaps."""
_PAGE: Final = 500
_USER: Final = "user:"
_DONE: Final[Mapping[str, str]] = {
    "read-patient": "Read the patient's page",
    "read-worklist": "Saw them on the worklist",
    "read-population-people": "Saw them in a list of the population",
    "read-looks": "Read who looked at this record",
    "read-quarantine": "Read what is held in quarantine",
    "read-outbox": "Read what is to be written to the EHR",
    "read-alerts": "Listed alerts on the command line",
    "read-episodes": "Listed findings on the command line",
    "replay-all": "Had every decision made again",
    "cds-cards": "Opened the chart in the EHR, which asked for cards",
    "write-letter": "Wrote a letter",
    "read-as-of": "Looked at what was known on another day",
    "replay": "Had decisions about them made again",
    "patient-export": "Exported the whole record",
    "read-holds": "Saw them among the records under legal hold",
    "hold": "Placed the record under legal hold",
    "hold-release": "Released the record from a legal hold",
    "break-glass": "Opened the record for a reason",
    "outbox-retry": "Had it written to the EHR again",
    "outbox-cancel": "Stopped it from being written to the EHR",
}


class Look(NamedTuple):
    """Somebody looked, or did something."""

    id: int
    """Number of the row in the audit log."""
    at: datetime
    actor: str
    """As the audit log names them."""
    name: str
    """As others see them; empty where the log has no other name."""
    action: str
    what: str
    """In words."""
    of_a_list: bool
    """Whether it was of everybody at once: nothing says whether this person was among them."""
    opened: Opened | None
    """By what reason, where it was through broken glass."""


def looks(
    connection: Connection,
    records: Collection[int],
    sources: Collection[int],
    limit: int,
    before: int | None = None,
) -> list[Look]:
    """Who looked at a person, the latest first; what this service did by itself is left out.

    Args:
        connection: in one transaction.
        records: store's numbers of all the person's records.
        sources: only what is about one of these, or about none.
        limit: how many at most.
        before: go on behind the row of that number.
    """
    wanted = Wanted(sources, patients=records, of_lists=OF_LISTS, but_actor=THE_SERVICE)
    found = audit_log.page(connection, wanted, limit, before, newest_first=True)
    reasons = glass.opened_of(connection, records)
    names = users.shown_names(connection, {_account(each.actor) for each in found})
    return [
        Look(
            each.id,
            each.at,
            each.actor,
            names.get(_account(each.actor), ""),
            each.action,
            in_words(each),
            each.patient_id is None,
            _reason(each, reasons),
        )
        for each in found
    ]


def every_look(connection: Connection, records: Collection[int], sources: Collection[int]) -> Iterator[Look]:
    """As `looks`, all of them, read a page at a time."""
    before = None
    while found := looks(connection, records, sources, _PAGE, before):
        yield from found
        before = found[-1].id


def in_words(entry: Entry) -> str:
    """What somebody did."""
    action, detail = entry.action, entry.detail
    kind = detail.get("resource", "resource")
    if action == "read":
        return (
            f"Read a {kind} over FHIR" if detail.get("count") else f"Asked for a {kind} over FHIR: not there"
        )
    if action == "search":
        return f"Searched over FHIR, {detail.get('count', 0)} of {kind} shown"
    if detail.get("found") is False:
        return "Asked for the record, which is not of their sources: nothing was shown"
    for begins, words in (("dispose-", "Decided: "), ("remark-", "Said of an alert: ")):
        if action.startswith(begins):
            return words + action.removeprefix(begins).replace("-", " ")
    return _DONE.get(action, action.replace("-", " ").capitalize())


def _reason(entry: Entry, reasons: list[Opened]) -> Opened | None:
    """The latest reason that was given by then; only what came through the glass has one."""
    if entry.action != "break-glass" and entry.detail.get("glass") is not True:
        return None
    by = _account(entry.actor)
    return next((each for each in reasons if each.by == by and each.at <= entry.at <= each.until), None)


def _account(actor: str) -> str:
    return actor.removeprefix(_USER) if actor.startswith(_USER) else ""
