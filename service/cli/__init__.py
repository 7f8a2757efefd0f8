"""The command line: `liverwatch`. One file a group of commands; each imports what it needs when it runs."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from service.cli import (
    alerts,
    auditing,
    comparing_rulebooks,
    databases,
    demo,
    episodes,
    judging,
    keys,
    letters,
    load,
    measuring,
    outbox,
    patients,
    populating,
    quarantine,
    readers,
    replaying,
    rulebooks,
    serve,
    simulating,
    sources,
    users,
)
from service.cli.console import complain, log_plainly
from service.errors import LiverwatchError

app = typer.Typer(
    name="liverwatch",
    help="Watches liver enzymes in an EHR's FHIR feed; reports elevations that persist or worsen.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(serve.serve)
app.command()(demo.demo)
app.command()(simulating.simulate_ehr)
app.command()(populating.population)
app.command()(serve.migrate)
app.command()(load.load)
app.command()(episodes.episodes)
app.command()(alerts.alerts)
app.command()(alerts.dispose)
app.command()(letters.letter)
app.command()(measuring.measures)
app.command()(judging.rejudge)
app.command()(judging.sweep)
app.command()(replaying.replay)
app.command()(comparing_rulebooks.simulate)
app.add_typer(sources.app, name="source")
app.add_typer(readers.app, name="reader")
app.add_typer(users.app, name="user")
app.add_typer(keys.app, name="keys")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(outbox.app, name="outbox")
app.add_typer(rulebooks.app, name="rulebook")
app.add_typer(auditing.app, name="audit")
app.add_typer(patients.app, name="patient")
app.add_typer(databases.app, name="database")
app.command()(serve.version)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave with its code: 0 done, 1 not (all) done, 2 wrong usage, 130 interrupted."""
    log_plainly()
    try:
        app(args=arguments, prog_name="liverwatch")
    except LiverwatchError as error:
        complain(error.message)
    except KeyboardInterrupt:
        sys.exit(130)
    except UnicodeEncodeError:  # its text repeats what was typed, which may be a patient's name
        complain("an argument is not UTF-8 text")
    except Exception as error:
        if (trouble := _database_trouble(error)) is None:
            raise
        complain(trouble)
    sys.exit(1)


def _database_trouble(error: Exception) -> str | None:
    """What a database error says, without the statement's parameters: they are patient data."""
    from sqlalchemy.exc import SQLAlchemyError

    from service.store.session import is_drivers

    if is_drivers(error):
        return f"the database failed ({type(error).__name__})"
    if not isinstance(error, SQLAlchemyError):
        return None
    origin = getattr(error, "orig", None)
    if origin is None or getattr(error, "statement", None) is not None:
        return f"the database failed ({type(origin or error).__name__})"
    lines = str(origin).strip().splitlines()
    return f"the database cannot be opened: {lines[0] if lines else type(origin).__name__}"
