"""`quarantine`: what came and could not be used."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Json, counted, note, say, say_json, say_json_list, table
from service.cli.opening import AsOf, actor, database, now, rules_of, settings_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from service.store.quarantine import Held

app = typer.Typer(help="What came and could not be used.", no_args_is_help=True)

MOST = 1_000_000
"""Rows that a list or a replay goes through at most."""
GREATEST = 2**63 - 1
"""The greatest number that anything can have there."""
AT_ONCE = 100
"""Resources taken again in one transaction."""


@app.command(name="list")
def list_(
    reason: Annotated[str | None, typer.Option(help="Only what is held for this reason.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what has been resolved.")] = False,
    as_json: Json = False,
) -> None:
    """List what is held, newest first: where it is wrong and why, nothing of what it says."""
    from service.store import quarantine, sources
    from service.store.session import reading

    with database(settings_of()) as engine, reading(engine) as connection:
        names = {each.id: each.name for each in sources.every(connection)}
        found = [
            _as_object(each, names)
            for each in quarantine.listed(connection, everything=everything, limit=MOST)
            if reason is None or each.reason == reason
        ]
    if as_json:
        say_json_list(found)
        return
    columns = ("id", "source", "type", "reason", "place", "since", "detail")
    table(columns, ([each[column] for column in columns] for each in found))


@app.command()
def show(
    held_id: Annotated[int, typer.Argument(metavar="ID", max=GREATEST, help="Its number in the list.")],
    raw: Annotated[bool, typer.Option("--raw", help="Also its bytes as they came (patient data).")] = False,
    as_json: Json = False,
) -> None:
    """Show one of them, and what the FHIR specification says about it."""
    from service.fhir.explain import explain_rejection
    from service.store import decisions, quarantine, resources, sources
    from service.store.session import writing

    with database(settings_of()) as engine, writing(engine) as connection:
        held = quarantine.get(connection, held_id)
        names = {each.id: each.name for each in sources.every(connection)}
        body = resources.raw(connection, held.digest) if held.digest is not None else None
        decisions.write_audit(
            connection,
            at=now(),
            actor=actor(),
            action="read-quarantine",
            source_id=held.source_id,
            patient_id=held.patient_id,
            detail={"held": held.id, "raw": raw},
        )
    found = _as_object(held, names) | {"resource": held.key}
    found["fhir"] = explain_rejection(body) if body is not None else None
    if raw:
        found["raw"] = body.decode(errors="replace") if body is not None else None
    if as_json:
        say_json(found)
        return
    for name, value in found.items():
        if value is not None and name != "raw":
            say(f"{name:<11} {str(value).replace(chr(10), chr(10) + ' ' * 12)}")
    if raw:
        say(found["raw"] or "nothing is kept of it")


@app.command()
def replay(
    ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", max=GREATEST, help="Numbers in the list.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Everything held for this reason.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything held.")] = False,
    as_json: Json = False,
    clock: AsOf = None,
) -> None:
    """Take held resources again, once their cause is mended; what still fails stays held."""
    from service.ingest import check_agreement, replay_held, sweep
    from service.store import decisions
    from service.store.session import reading, writing

    if sum((bool(ids), reason is not None, everything)) != 1:
        raise typer.BadParameter("give numbers, --reason or --all")
    settings = settings_of(clock)
    total = _Counts()
    with database(settings) as engine:
        rules = rules_of(settings, engine)
        with reading(engine) as connection:
            check_agreement(connection, rules)
            chosen = _chosen(connection, ids or [], reason)
        with writing(engine) as connection:
            detail = {"count": len(chosen)}
            decisions.write_audit(
                connection, at=now(), actor=actor(), action="quarantine-replay", detail=detail
            )
        bodies = [each for each in chosen if each.digest is not None]
        for start in range(0, len(bodies), AT_ONCE):
            total.add(replay_held(engine, bodies[start : start + AT_ONCE], rules, now()).counts)
        judged = 0
        if len(bodies) < len(chosen):  # a record whose judgement failed has no bytes of its own to take again
            swept = sweep(engine, rules, now())
            judged = swept.judged - swept.failed
    if as_json:
        say_json({"replayed": len(bodies), "judged": judged, "counts": total.of})
        return
    say(f"taken again: {len(bodies)} ({counted(total.of)})")
    if judged:
        note(f"judged {judged} records that were behind")


class _Counts:
    def __init__(self) -> None:
        self.of: dict[str, int] = {}

    def add(self, counts: dict[str, int]) -> None:
        for name, count in counts.items():
            if count:
                self.of[name] = self.of.get(name, 0) + count


def _chosen(connection: "Connection", ids: list[int], reason: str | None) -> "list[Held]":
    from service.errors import Conflict
    from service.store import quarantine

    if ids:
        found = [quarantine.get(connection, each) for each in ids]
        for each in found:
            if each.resolved is not None:
                raise Conflict(f"{each.id} is resolved already ({each.resolution})")
        return found
    held = quarantine.listed(connection, limit=MOST)
    return sorted(each for each in held if reason is None or each.reason == reason)


def _as_object(held: "Held", source_names: dict[int, str]) -> dict[str, Any]:
    return {
        "id": held.id,
        "source": source_names[held.source_id],
        "type": held.key.partition("/")[0] if held.key else None,
        "reason": held.reason,
        "place": held.place,
        "detail": held.detail,
        "since": held.received.isoformat(timespec="seconds"),
        "retry_at": held.retry_at.isoformat(timespec="seconds") if held.retry_at else None,
        "resolved": held.resolved.isoformat(timespec="seconds") if held.resolved else None,
        "resolution": held.resolution,
    }
