"""`patient`: what becomes of one person's record."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from service.cli.console import Json, note, say, say_json, table
from service.cli.naming import PatientArgument, SourceName, person_named
from service.cli.opening import actor, database, now, rules_of, settings_of

if TYPE_CHECKING:
    from service.store.holds import HeldRecord

app = typer.Typer(help="One patient's record.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """One patient's record."""


@app.command()
def export(
    patient: PatientArgument,
    to: Annotated[Path, typer.Option("--to", dir_okay=False, help="The file to write; it may not exist.")],
    source: SourceName = None,
) -> None:
    """Write a patient's whole record as a FHIR Bundle: all that came, alerts, and who looked at it."""
    from service.api.presenting import Presenter
    from service.api.whole_record import whole_record
    from service.errors import ConfigurationError
    from service.fhir.outgoing import to_bytes
    from service.store import decisions
    from service.store.session import reading, snapshot, writing

    settings = settings_of()
    with database(settings) as engine:
        with reading(engine) as connection:
            records = person_named(connection, patient, source)
        with writing(engine) as connection:
            for each in records:
                decisions.write_audit(
                    connection,
                    at=now(),
                    actor=actor(),
                    action="patient-export",
                    source_id=each.source_id,
                    patient_id=each.id,
                )
        presenter = Presenter(rules_of(settings, engine).rulebook, settings.public_url)
        with snapshot(engine) as connection:
            record = whole_record(connection, presenter, records, now())
    try:
        opened = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "wb") as file:
            file.write(to_bytes(record))
    except OSError as error:
        raise ConfigurationError(f"--to: the file cannot be written ({error.strerror})") from error
    say(f"{len(record.get('entry', ()))} resources written")
    note("The file holds patient data and is readable by you alone.")


@app.command()
def hold(
    patient: PatientArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever asks when it may end.")],
    source: SourceName = None,
) -> None:
    """Place a patient's record under legal hold: whatever its age, nothing of it is erased."""
    from service.holding import hold as place
    from service.store.session import reading

    with database(settings_of()) as engine:
        with reading(engine) as connection:
            records = person_named(connection, patient, source)
        made = place(engine, records[0].id, reason, by=actor(), now=now())
    say(str(made))


@app.command()
def release(
    patient: PatientArgument,
    hold_id: Annotated[
        UUID | None, typer.Option("--hold", metavar="ID", help="Which hold, where there are several.")
    ] = None,
    source: SourceName = None,
) -> None:
    """Release a patient's record from a legal hold: it may be erased when its time of retention is over."""
    from service.holding import release as end
    from service.store.session import reading

    with database(settings_of()) as engine:
        with reading(engine) as connection:
            records = person_named(connection, patient, source)
        end(engine, records[0].id, hold_id, by=actor(), now=now())
    say("released")


@app.command()
def holds(source: SourceName = None, as_json: Json = False) -> None:
    """List the records under legal hold, the latest first."""
    from service.store import decisions, sources
    from service.store import holds as stored
    from service.store.session import reading, writing

    with database(settings_of()) as engine:
        with reading(engine) as connection:
            every = sources.every(connection) if source is None else [sources.by_name(connection, source)]
            found = stored.standing(connection, [each.id for each in every])
        with writing(engine) as connection:
            whom = [(each.source_id, each.number) for each in found]
            for source_id, number in dict.fromkeys(whom) or [(None, None)]:
                decisions.write_audit(
                    connection,
                    at=now(),
                    actor=actor(),
                    action="read-holds",
                    source_id=source_id,
                    patient_id=number,
                    detail={"count": len(found)},
                )
    rows = [_as_row(each) for each in found]
    if as_json:
        say_json([dict(zip(_HOLD, row, strict=True)) for row in rows])
    else:
        table(_HOLD, rows)


_HOLD = ("hold", "patient", "source", "since", "by", "reason")


def _as_row(held: "HeldRecord") -> tuple[str, ...]:
    """What `_HOLD` names."""
    since = held.hold.placed.isoformat(timespec="seconds")
    return (str(held.hold.id), str(held.public_id), held.source, since, held.hold.by, held.hold.reason)
