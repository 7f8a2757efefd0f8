"""Which alert or patient is meant, and whom a list shows."""

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.opening import actor, now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Engine

    from service.store.patients import PatientRow

AlertId = Annotated[str, typer.Argument(help="The alert's id, or enough of its beginning.")]
_WHO = "The patient's id in the EHR, or the one in the pages' addresses."
PatientId = Annotated[str, typer.Option("--patient", help=_WHO)]
PatientArgument = Annotated[str, typer.Argument(metavar="ID", help=_WHO)]
SourceName = Annotated[
    str | None, typer.Option("--source", help="The source, where several call a patient by that id.")
]


def alert_named(engine: "Engine", given: str) -> "UUID":
    """The id of the one alert that begins so.

    Raises:
        NotFound: there is none.
        Erased: there was one, and the whole id is given.
        Conflict: there are several.
    """
    from uuid import UUID

    from sqlalchemy import select

    from service.errors import Conflict, NotFound
    from service.store import audit_log, sources
    from service.store.schema import alert
    from service.store.session import reading

    digits = given.replace("-", "").lower()
    if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
        raise NotFound("that is no alert's id; see `liverwatch alerts`")
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    with reading(engine) as connection:
        query = select(alert.c.id).where(alert.c.id.between(first, last)).limit(2)
        found: Sequence[UUID] = connection.execute(query).scalars().all()
        if not found:
            of_all = [each.id for each in sources.every(connection)]
            erased = audit_log.erasure_of(connection, of_all, first) if first == last else None
            raise erased or NotFound("there is no alert of that id; see `liverwatch alerts --all`")
    if len(found) > 1:
        raise Conflict("more than one alert's id begins so; give more of it")
    return found[0]


def person_named(connection: "Connection", given: str, source_name: str | None) -> "list[PatientRow]":
    """Every record of the one person who is called so, the one that others are merged into first.

    Raises:
        NotFound: there is no such source, or nobody is.
        Conflict: several sources call somebody so.
    """
    from service.errors import Conflict, NotFound
    from service.store import people, sources

    of = sources.by_name(connection, source_name).id if source_name is not None else None
    found = people.called(connection, given, of)
    if not found:
        raise NotFound("there is no patient of that id")
    if len(found) > 1:
        raise Conflict("several sources have a patient of that id; say which with --source")
    (records,) = found.values()
    return records


def note_listed(
    engine: "Engine", action: str, fhir_id: str | None, source_name: str | None, **detail: bool
) -> None:
    """Note in the audit log that a list was read, before it is: once for each person of that id.

    A list of everybody, or of somebody who is not there, names no patient.
    """
    from service.store import decisions
    from service.store.session import writing

    with writing(engine) as connection:
        for source_id, patient_id in _whose(connection, fhir_id, source_name):
            decisions.write_audit(
                connection,
                at=now(),
                actor=actor(),
                action=action,
                source_id=source_id,
                patient_id=patient_id,
                detail={"one_patient": fhir_id is not None, **detail},
            )


def _whose(
    connection: "Connection", fhir_id: str | None, source_name: str | None
) -> "list[tuple[int | None, int | None]]":
    from service.store import people, sources

    source = sources.find(connection, source_name) if source_name is not None else None
    of = source.id if source else None
    if fhir_id is None or (source_name is not None and source is None):
        return [(of, None)]
    named = people.called(connection, fhir_id, of).values()
    return [(records[0].source_id, records[0].id) for records in named] or [(of, None)]
