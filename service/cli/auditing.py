"""`audit`: whether the audit log is what it was, and who looked at a patient."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import Csv, Json, complain, say, say_csv, say_json, say_json_list, table
from service.cli.naming import PatientId, SourceName, person_named
from service.cli.opening import actor, database, now, settings_of

if TYPE_CHECKING:
    from service.looks import Look

app = typer.Typer(help="The audit log.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The audit log."""


@app.command()
def verify(
    anchor: Annotated[
        list[Path] | None,
        typer.Option(help="File of heads kept outside, or a log that holds them; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Walk the chain over the audit log, and name the first record that is not what it was."""
    from service.quality import read_anchors, verify
    from service.store.session import reading

    anchors = {head for path in anchor or () for head in read_anchors(path)}
    with database(settings_of()) as engine, reading(engine) as connection:
        found = verify(connection, anchors)
    problem = found.problem
    if as_json:
        wrong = problem and {"position": problem.position, "record": problem.audit_id, "what": problem.what}
        say_json(
            {
                "sound": found.head.position,
                "hash": found.head.hash,
                "anchors": len(anchors),
                "unsealed": found.unchained,
                "unsealed_since": found.unchained_since,
                "problem": wrong,
            }
        )
    else:
        say(f"{found.head.position} records are sealed and sound; the hash of the last is {found.head.hash}")
        if anchors:
            say(f"held to {len(anchors)} heads kept outside")
        if found.unchained:
            say(f"{found.unchained} records are not sealed yet; a running service does so within seconds")
    if problem is not None:
        complain(f"place {problem.position}: {problem.what}")
        raise typer.Exit(1)


_COLUMNS = ("at", "actor", "name", "what", "whole_list", "reason", "words", "record")


@app.command()
def who(
    patient: PatientId,
    source: SourceName = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Who looked at a patient's record, or decided or sent something: the latest first, with reasons given.

    A whole list is one that was read of everybody at once: nothing says whether this patient was on it.
    """
    from service.looks import every_look
    from service.store import decisions
    from service.store.session import reading, writing

    if as_json and as_csv:
        raise typer.BadParameter("give --json or --csv")
    with database(settings_of()) as engine:
        with reading(engine) as connection:
            records = person_named(connection, patient, source)
        with writing(engine) as connection:
            decisions.write_audit(
                connection,
                at=now(),
                actor=actor(),
                action="read-looks",
                source_id=records[0].source_id,
                patient_id=records[0].id,
                detail={"records": len(records)},
            )
        with reading(engine) as connection:
            found = every_look(
                connection, [each.id for each in records], {each.source_id for each in records}
            )
            rows = (_as_row(each) for each in found)
            if as_json:
                say_json_list(dict(zip(_COLUMNS, row, strict=True)) for row in rows)
            elif as_csv:
                say_csv(_COLUMNS, rows)
            else:
                table(_COLUMNS, rows)


def _as_row(look: "Look") -> tuple[object, ...]:
    """What `_COLUMNS` names."""
    why = ("", "") if look.opened is None else (look.opened.reason.value, look.opened.words)
    at = look.at.isoformat(timespec="seconds")
    return (at, look.actor, look.name, look.what, look.of_a_list, *why, look.id)
