"""`outbox list`, `outbox show`: what waits to be written to the EHRs, and what would be written."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import outbox_deciding
from service.cli.console import Json, counted, note, say, say_json, say_json_list, table
from service.cli.naming import AlertId, alert_named
from service.cli.opening import actor, database, now, rules_of, settings_of
from service.cli.outbox_deciding import MOST, SourceName, as_object, say_lines

if TYPE_CHECKING:
    from sqlalchemy import Connection

app = typer.Typer(help="What waits to be written to the EHRs.", no_args_is_help=True)


@app.command(name="list")
def list_(
    source: SourceName = None,
    dead: Annotated[bool, typer.Option("--dead", help="Only what was refused for good.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="Rows at most; all are counted.")] = 1000,
    as_json: Json = False,
) -> None:
    """List what waits and what was refused, longest waiting first; nothing of what would be written."""
    from service.store import outbox_control, sources
    from service.store.session import reading

    with database(settings_of()) as engine, reading(engine) as connection:
        only = sources.by_name(connection, source).id if source is not None else None
        names = {each.id: each.name for each in sources.every(connection)}
        found = outbox_control.lines(connection, only_dead=dead, source_id=only, limit=limit)
        counts = outbox_control.counts(connection, only)
    objects = [as_object(each, names) for each in found]
    if as_json:
        say_json_list(objects)
    else:
        say_lines(objects)
    standing = {"waiting": counts.pending, "dead": counts.dead, "cancelled": counts.cancelled}
    note(f"in all: {counted({**standing, 'sent': counts.sent})}")


@app.command()
def show(
    alert: AlertId,
    bundle: Annotated[
        bool, typer.Option("--bundle", help="Also the Bundle that would be sent (patient data).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show how far one alert has come, and what would be sent of it now; the EHR itself is not asked."""
    from service.deliver import Terms, left_out, preview
    from service.errors import NotFound
    from service.store import outbox_control, sources
    from service.store.session import writing

    settings = settings_of()
    with database(settings) as engine:
        terms = Terms.of(settings, rules_of(settings, engine).rulebook)
        alert_id = alert_named(engine, alert)
        with writing(engine) as connection:
            line = outbox_control.line(connection, alert_id)
            if line is None:
                raise NotFound("nothing of that alert was ever to be written; see `liverwatch outbox list`")
            _audit_show(connection, line, bundle=bundle)
            names = {each.id: each.name for each in sources.every(connection)}
            would = preview(connection, alert_id, terms)
            missing = left_out(connection, line)
    requests = [
        {"method": entry["request"]["method"], "url": entry["request"]["url"], "status": _status(entry)}
        for entry in would["entry"]
    ]
    found = as_object(line, names) | {"left_out": missing, "would_send": requests}
    if bundle:
        found["bundle"] = would
    if as_json:
        say_json(found)
        return
    _say_shown(found)


app.command()(outbox_deciding.retry)
app.command()(outbox_deciding.cancel)


def _status(entry: dict[str, Any]) -> str:
    return str(entry["resource"]["status"])


def _say_shown(found: dict[str, Any]) -> None:
    for name, value in found.items():
        if value is not None and name not in ("left_out", "would_send", "bundle"):
            say(f"{name:<12} {value}")
    for kind, why in found["left_out"].items():
        say(f"left out     {kind}: {why}")
    if found["would_send"]:
        say("would send")
        table(
            ("method", "url", "status"),
            ([each[name] for name in ("method", "url", "status")] for each in found["would_send"]),
        )
    else:
        say("would send   nothing")
    if "bundle" in found:
        say_json(found["bundle"])


def _audit_show(connection: "Connection", line: Any, *, bundle: bool) -> None:
    from service.store import alerts, decisions

    decisions.write_audit(
        connection,
        at=now(),
        actor=actor(),
        action="read-outbox",
        source_id=line.source_id,
        patient_id=alerts.get(connection, line.alert_id).subject,
        detail={"alert": str(line.alert_id), "bundle": bundle},
    )
