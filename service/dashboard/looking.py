"""Looking at people: who may see whose record, as whom, and the audit rows that come before it is shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import Connection
from starlette.requests import Request

from service.dashboard.access import User
from service.dashboard.break_glass import BehindGlass, admitted
from service.dashboard.rows import DECIDERS, visible
from service.errors import LiverwatchError, NotFound
from service.request_ids import request_id
from service.store import people
from service.store.alerts import by_patient
from service.store.decisions import write_audit
from service.store.patients import PatientRow
from service.store.session import snapshot, writing

Seen = TypeVar("Seen")


class Look(NamedTuple):
    """Somebody looks at a person."""

    user: User
    """Through the glass they see the record's source too, and decide nothing."""
    sources: Mapping[int, str]
    """Those that they see, by the store's numbers."""
    rows: Sequence[PatientRow]
    """The person's records, the survivor of merges first."""
    until: datetime | None
    """Until when the record is open to them by a reason that they gave; None where they see its source."""
    now: datetime


def look(
    request: Request,
    user: User,
    public_id: UUID,
    action: str,
    read: Callable[[Connection, Look], Seen],
    **more: str,
) -> Seen:
    """Read something of the person who has a record of that id. The audit notes it, a look in vain as well.

    Args:
        request: whose answer it is for.
        user: who is signed in.
        public_id: the id that stands in addresses.
        action: what the audit calls it.
        read: reads it, in the transaction in which the access was checked.
        more: what else the audit says of a look that was not in vain.

    Raises:
        NotFound: there is no such person.
        BehindGlass: they are of a source that the user does not see, and the user gave no reason.
    """
    engine, now, looked, seen = request.app.state.engine, datetime.now(UTC), None, None
    try:
        with snapshot(engine) as connection:
            looked = _looked(connection, user, public_id, now)
            seen = read(connection, looked) if looked else None
    except BehindGlass as error:
        _note(request, user, action, looked, now, (error.whose.source_id, error.whose.id))
        raise
    except LiverwatchError:
        _note(request, user, action, looked, now, _whom(looked))
        raise
    _note(request, user, action, looked, now, _whom(looked), **(more if looked else {}))
    if seen is None:
        raise NotFound("there is no such patient")
    return seen


def note_listed(
    request: Request, user: User, action: str, whom: Sequence[tuple[int, int | None]], detail: dict[str, Any]
) -> None:
    """Note who saw whom on a list, before it is shown: a record a person; one of nobody where it was empty.

    Args:
        request: whose answer it is.
        user: who is signed in.
        action: what the audit calls it.
        whom: the store's numbers of each one's source and record.
        detail: which list it was.
    """
    said = {**detail, "count": len(whom)}
    with writing(request.app.state.engine) as connection:
        _note_each(connection, request, user, action, dict.fromkeys(whom, said) or {(None, None): said})


def note_seen(request: Request, user: User, shown: Sequence[UUID], query: str = "") -> None:
    """Note whose alerts somebody was shown, as :func:`note_listed` does, and of each person which.

    Args:
        request: whose answer it is.
        user: who is signed in.
        shown: the alerts.
        query: which list they are on.
    """
    with writing(request.app.state.engine) as connection:
        whom = by_patient(connection, shown) or {(None, None): []}
        said = {each: {"alerts": [str(one) for one in own], "query": query} for each, own in whom.items()}
        _note_each(connection, request, user, "read-worklist", said)


def _note_each(
    connection: Connection,
    request: Request,
    user: User,
    action: str,
    said: Mapping[tuple[int | None, int | None], Mapping[str, Any]],
) -> None:
    now = datetime.now(UTC)
    for (source_id, number), detail in said.items():
        write_audit(
            connection,
            at=now,
            actor=user.id,
            action=action,
            source_id=source_id,
            patient_id=number,
            detail={**detail, "request": request_id(request)},
        )


def _looked(connection: Connection, user: User, public_id: UUID, now: datetime) -> Look | None:
    try:
        admission = admitted(connection, user, public_id, now)
    except NotFound:
        return None
    if admission.until is not None:
        sources = user.sources | {admission.patient.source}
        user = replace(user, sources=sources, roles=user.roles.difference(DECIDERS))
    seen = visible(connection, user)
    number = people.numbered(connection, list(seen), public_id)
    if number is None:
        return None
    return Look(user, seen, people.by_number(connection, [number])[number], admission.until, now)


def _whom(looked: Look | None) -> tuple[int | None, int | None]:
    return (looked.rows[0].source_id, looked.rows[0].id) if looked else (None, None)


def _note(
    request: Request,
    user: User,
    action: str,
    looked: Look | None,
    now: datetime,
    whom: tuple[int | None, int | None],
    **more: str,
) -> None:
    with writing(request.app.state.engine) as connection:
        write_audit(
            connection,
            at=now,
            actor=user.id,
            action=action,
            source_id=whom[0],
            patient_id=whom[1],
            detail={
                "found": looked is not None,
                "request": request_id(request),
                "glass": looked is not None and looked.until is not None,
                **more,
            },
        )
