"""`outbox retry`, `outbox cancel`: what a person decides about what waits to be written."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Json, note, say, say_json, table
from service.cli.naming import AlertId, alert_named
from service.cli.opening import actor, database, now, settings_of

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, Engine

    from service.store.outbox_control import Line

SourceName = Annotated[str | None, typer.Option(help="Only what is for this source.")]

MOST = 1_000_000
"""Rows that a list or a retry goes through at most."""
LONGEST_NAME = 128
"""Characters of a person's name that the audit log keeps."""


def retry(
    alert: Annotated[
        str | None, typer.Argument(help="The alert's id, or enough of its beginning.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that was refused for good.")] = False,
    source: SourceName = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="With --all: so many at most.")] = 100,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --all: do it, rather than say what would be.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Try again what was refused for good: one alert at once, or --all, which first says what it would do.

    What a person has cancelled is tried again only where it is named.
    """
    if (alert is not None) is everything or (source is not None and not everything):
        raise typer.BadParameter("give an alert, or --all (with --source for those of one source)")
    with database(settings_of()) as engine:
        if alert is not None:
            _retry_one(engine, alert_named(engine, alert), as_json=as_json)
        else:
            _retry_all(engine, source, limit, yes=yes, as_json=as_json)


def _retry_one(engine: "Engine", alert_id: "UUID", *, as_json: bool) -> None:
    from service.errors import Conflict
    from service.store import outbox_control
    from service.store.session import writing

    with writing(engine) as connection:
        line = outbox_control.line(connection, alert_id)
        if line is None or not outbox_control.revive(connection, alert_id, now()):
            raise Conflict("nothing of that alert waits to be written")
        _audit(connection, "outbox-retry", actor(), line, {})
    if as_json:
        say_json({"retried": [str(alert_id)], "remaining": 0})
    else:
        say(f"{alert_id} is tried again")


def _retry_all(engine: "Engine", source: str | None, limit: int, *, yes: bool, as_json: bool) -> None:
    from service.store import outbox_control, sources
    from service.store.session import writing

    with writing(engine) as connection:
        only = sources.by_name(connection, source).id if source is not None else None
        names = {each.id: each.name for each in sources.every(connection)}
        found = outbox_control.lines(connection, only_dead=True, source_id=only, limit=limit)
        remaining = outbox_control.counts(connection, only).dead - len(found)
        for line in found if yes else ():
            outbox_control.revive(connection, line.alert_id, now())
            _audit(connection, "outbox-retry", actor(), line, {})
    objects = [as_object(each, names) for each in found]
    if as_json:
        ids = [each["alert"] for each in objects]
        say_json({"retried": ids if yes else [], "would_retry": [] if yes else ids, "remaining": remaining})
    else:
        say_lines(objects)
        say(f"{len(found)} {'are' if yes else 'would be'} tried again, {remaining} more remain")
    if found and not yes:
        note("nothing was changed: add --yes to do it")


def cancel(
    alert: AlertId,
    by: Annotated[str, typer.Option(help="Who decides so.")],
    reason: Annotated[
        str, typer.Option(help="Why; it stands in the list and in the audit log: no patient data.")
    ],
    as_json: Json = False,
) -> None:
    """Stop one, so that the EHR is not told of it as it stands now.

    A later change of the alert is written all the same: the EHR must learn that it has ended.
    """
    from service.errors import Conflict
    from service.store import outbox_control
    from service.store.session import writing

    who, why = by.strip(), reason.strip()
    if not who or len(who) > LONGEST_NAME or not why:
        raise typer.BadParameter(f"--by (at most {LONGEST_NAME} characters) and --reason must say something")
    with database(settings_of()) as engine:
        alert_id = alert_named(engine, alert)
        with writing(engine) as connection:
            line = outbox_control.line(connection, alert_id)
            if line is None or not outbox_control.stop(connection, alert_id, why, by=who):
                raise Conflict("nothing of that alert waits to be written")
            detail = {"reason": why, "revision": line.wanted_revision, "keyed_by": actor()}
            _audit(connection, "outbox-cancel", who, line, detail)
    if as_json:
        say_json({"alert": str(alert_id), "standing": "cancelled"})
    else:
        say(f"{alert_id} is cancelled")
    if line.lease_until is not None and line.lease_until > now():
        note("it was just being sent: the EHR may have got it")


def as_object(line: "Line", source_names: Mapping[int, str]) -> dict[str, Any]:
    """A row as `--json` writes it: nothing of a patient."""
    tried_again = line.pending and not line.dead
    return {
        "alert": str(line.alert_id),
        "source": source_names[line.source_id],
        "standing": line.standing.value,
        "wanted": line.wanted_revision,
        "sent": line.sent_revision,
        "attempts": line.attempts,
        "next_try": line.not_before.isoformat(timespec="seconds") if tried_again else None,
        "cancelled_by": line.cancelled_by,
        "last_error": line.last_error,
    }


def say_lines(lines: Sequence[dict[str, Any]]) -> None:
    """Rows as a table; nothing where there are none."""
    if lines:
        columns = tuple(lines[0])
        table(columns, ([each[column] for column in columns] for each in lines))


def _audit(connection: "Connection", action: str, who: str, line: "Line", detail: dict[str, Any]) -> None:
    from service.store import alerts, decisions

    decisions.write_audit(
        connection,
        at=now(),
        actor=who,
        action=action,
        source_id=line.source_id,
        patient_id=alerts.get(connection, line.alert_id).subject,
        detail={"alert": str(line.alert_id), **detail},
    )
