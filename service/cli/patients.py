"""`patient`: what becomes of one person's record."""

import os
from pathlib import Path
from typing import Annotated

import typer

from service.cli.console import note, say
from service.cli.naming import PatientArgument, SourceName, person_named
from service.cli.opening import actor, database, now, rules_of, settings_of

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
