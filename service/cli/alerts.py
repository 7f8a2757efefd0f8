"""`alerts`, `dispose`: the worklist at the keyboard."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.alerts.alert import Action, OverrideReason
from service.cli.console import Json, say, say_json, say_json_list
from service.cli.naming import AlertId, alert_named, note_listed
from service.cli.opening import AsOf, actor, database, now, rules_of, settings_of
from service.clinical.episodes import Family

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from service.alerts.alert import Alert
    from service.clinical.episodes import Finding, Level
    from service.clinical.readings import Interpretation
    from service.clinical.results import ResultKey


def alerts(
    patient: Annotated[str | None, typer.Option(help="Only the patient of this id in the EHR.")] = None,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also resolved, withdrawn, merged, and lost to follow-up.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the alerts that somebody has to act on, the most urgent first."""
    from service import plans
    from service.readings import interpretations
    from service.store.session import reading

    at, settings = now(), settings_of()
    with database(settings) as engine:
        rules = rules_of(settings, engine)
        note_listed(engine, "read-alerts", patient, source, all=everything)
        with reading(engine) as connection:
            found = _found(connection, patient, source, everything=everything)
            read = interpretations(connection, [alert for alert, *_ in found], rules, at)
    shown = (
        as_object(*each)
        | {"interpretation": [_reading(one) for one in read.get(each[0].id, ())]}
        | {"plan": plans.as_objects(each[0])}
        for each in found
    )
    if as_json:
        say_json_list(shown)
        return
    for (alert, *_), each in zip(found, shown, strict=True):
        _say(each, plans.as_lines(alert))
    if not found:
        say("no alerts")


def _found(
    connection: "Connection", patient_id: str | None, source_name: str | None, *, everything: bool
) -> "list[tuple[Alert, str, str]]":
    from sqlalchemy import select

    from service.store import alerts as stored
    from service.store import sources
    from service.store.schema import alert, patient, source, to_act_on

    query = (
        select(alert.c.content, patient.c.fhir_id, source.c.name)
        .join(patient, patient.c.id == alert.c.patient_id)
        .join(source, source.c.id == alert.c.source_id)
        .order_by(alert.c.tier.desc(), alert.c.created, alert.c.id)
    )
    if source_name is not None:
        query = query.where(source.c.id == sources.by_name(connection, source_name).id)
    if patient_id is not None:
        query = query.where(patient.c.fhir_id == patient_id)
    if not everything:
        query = query.where(to_act_on)
    return [(stored.decode(row.content), row.fhir_id, row.name) for row in connection.execute(query)]


def as_object(alert: "Alert", patient: str, source: str) -> dict[str, Any]:
    """An alert as `--json` writes it."""
    episode, waiting = alert.episode, alert.waiting
    raised = [finding for finding in episode.findings if finding.alerts_from is not None]
    return {
        "id": str(alert.id),
        "patient": patient,
        "source": source,
        "family": alert.family.value,
        "tier": alert.tier.name.lower(),
        "state": alert.state.value,
        "owner": alert.owner,
        "wakes": alert.wakes,
        "needs_review": alert.needs_review,
        "untaken_since": waiting.since.astimezone(UTC) if waiting else None,
        "overdue": waiting.overdue if waiting else False,
        "told": list(waiting.told) if waiting else [],
        "onset": episode.onset,
        "first_met": min((finding.met for finding in raised), default=None),
        "alerts_from": episode.alerts_from,
        "last_result": episode.last_result,
        "resolved": episode.resolved,
        "trend": episode.trend.value,
        "kinds": [_kind(finding) for finding in episode.findings],
        "latest": [_level(level) for level in episode.latest],
        "results": [_reference(key) for key in sorted(episode.evidence)],
        "withdrawn": alert.withdrawn,
        "merged_into": str(alert.merged_into) if alert.merged_into else None,
        "revision": alert.revision,
    }


def _kind(finding: "Finding") -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "analyte": finding.analyte.value,
        "reasons": [reason.name for reason in finding.reasons],
        "first": finding.first,
        "met": finding.met,
        "last": finding.last,
        "tier": finding.tier.name.lower(),
        "suppressed": finding.suppressed.value if finding.suppressed else None,
        "due": finding.recheck.due if finding.recheck else None,
        "ended": finding.recheck.ended if finding.recheck else None,
    }


def _level(level: "Level") -> dict[str, Any]:
    return {
        "analyte": level.analyte.value,
        "day": level.day,
        "value": level.value,
        "multiple": round(level.multiple, 2),
        "limit": level.limit,
        "limit_source": level.limit_source,
    }


def _reading(given: "Interpretation") -> dict[str, Any]:
    return {
        "name": given.name,
        "given": given.given,
        "value": None if given.value is None else round(given.value, 4),
        "reading": given.reading,
        "words": given.words,
        "caveats": list(given.caveats),
        "inputs": [
            {
                "what": each.what,
                "day": each.day,
                "value": each.value,
                "result": _reference(each.key) if each.key else None,
            }
            for each in given.inputs
        ],
        "rules": list(given.rules),
    }


def _reference(key: "ResultKey") -> str:
    return key.resource + (f"#{key.sub_key}" if key.sub_key else "")


def _say(alert: dict[str, Any], plan: list[str]) -> None:
    owner = f", {alert['owner']}" if alert["owner"] else ""
    wakes = f" until {alert['wakes']}" if alert["wakes"] else ""
    review = ", needs review" if alert["needs_review"] else ""
    say(
        f"{alert['tier'].upper():<8} {alert['family']:<13} {alert['patient']} ({alert['source']})  "
        f"{alert['state']}{wakes}{owner}{review}  {alert['id']}"
    )
    met = f", first met {alert['first_met']}" if alert["first_met"] else ""
    resolved = f", resolved {alert['resolved']}" if alert["resolved"] else ""
    trend = "" if alert["family"] == Family.FOLLOW_UP else f", {alert['trend']}"
    say(f"  since {alert['onset']}{met}, last result {alert['last_result']}{resolved}{trend}")
    for kind in alert["kinds"]:
        unraised = f" (no alert: {kind['suppressed']})" if kind["suppressed"] else ""
        due = f", due {kind['due']}" if kind["due"] else ""
        ended = f", ended {kind['ended']}" if kind["ended"] else ""
        say(f"  {kind['analyte']} {kind['kind']}: {', '.join(kind['reasons'])}{due}{ended}{unraised}")
    latest = [f"{each['analyte']} {each['multiple']} × ULN ({each['day']})" for each in alert["latest"]]
    if latest:
        say(f"  latest: {', '.join(latest)}")
    for each in alert["interpretation"]:
        caveats = f" [{'; '.join(each['caveats'])}]" if each["caveats"] else ""
        say(f"  {each['words']}{caveats}")
    for line in plan:
        say(f"  {line}")
    say(f"  behind it: {', '.join(alert['results'])}")
    if alert["overdue"]:
        told = f"passed on to {', '.join(alert['told'])}" if alert["told"] else "no contact is set"
        say(f"  nobody has taken it since {alert['untaken_since']:%Y-%m-%d %H:%M} UTC: {told}")
    for name in ("withdrawn", "merged_into"):
        if alert[name]:
            say(f"  {name.replace('_', ' ')}: {alert[name]}")


def dispose(  # noqa: PLR0913, PLR0917 - one option for each thing a person says
    alert: AlertId,
    action: Annotated[Action, typer.Argument(help="What was decided.")],
    by: Annotated[str, typer.Option(help="Who decided.")],
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="snooze: the day it wakes; known-cause: the monitoring date."
        ),
    ] = None,
    next_result: Annotated[bool, typer.Option(help="snooze: until the next result.")] = False,
    reason: Annotated[
        str | None, typer.Option(help=f"override: one of {', '.join(OverrideReason)}; else free text.")
    ] = None,
    note: Annotated[str, typer.Option(help="Free text.")] = "",
    to: Annotated[str | None, typer.Option(help="assign: who looks after it from now on.")] = None,
    as_json: Json = False,
    clock: AsOf = None,
) -> None:
    """Record what a person decided about an alert."""
    from service.review import dispose as record

    settings = settings_of(clock)
    with database(settings) as engine:
        after = record(
            engine,
            alert_named(engine, alert),
            action,
            by=by,
            rules=rules_of(settings, engine),
            now=now(),
            until=until.date() if until is not None else None,
            until_next_result=next_result,
            reason=reason,
            note=note,
            to=to,
            keyed_by=actor(),  # `--by` is whoever was named; this is who was at the keyboard
        )
    if as_json:
        say_json(
            {"id": str(after.id), "state": after.state.value, "owner": after.owner, "wakes": after.wakes}
        )
    else:
        wakes = f" until {after.wakes}" if after.wakes else ""
        say(f"{after.id} is {after.state.value}{wakes}")
