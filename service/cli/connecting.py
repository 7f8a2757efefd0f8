"""`source connect`, `status`, `disconnect`: the Subscriptions at an EHR, and how far it has been asked."""

from dataclasses import asdict
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Json, note, say, say_json, table
from service.cli.opening import actor, database, now, settings_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from service.fhir.capabilities import Capabilities
    from service.store.sources import Source
    from service.store.subscriptions import Kept

Name = Annotated[str, typer.Argument(help="The source.")]


class Content(StrEnum):
    """What a notification carries."""

    FULL_RESOURCE = "full-resource"
    ID_ONLY = "id-only"
    EMPTY = "empty"


def connect(
    name: Name,
    endpoint: Annotated[
        str | None,
        typer.Option(
            help="Where the server reaches this feed; LIVERWATCH_PUBLIC_URL/feeds/NAME unless said."
        ),
    ] = None,
    topic: Annotated[
        list[str] | None,
        typer.Option(help="Canonical URL of a topic to subscribe to; those the server names unless given."),
    ] = None,
    content: Annotated[
        Content, typer.Option(help="What a notification is to carry.")
    ] = Content.FULL_RESOURCE,
    as_json: Json = False,
) -> None:
    """Make the Subscriptions that a source's server understands, with a new feed secret.

    Those made before are taken away. The feed secret of until now stays valid until the next one.
    """
    from service.catchup import connect as make
    from service.ehr import Connections
    from service.fhir.subscriptions import Hook
    from service.store import decisions, sources
    from service.store.session import writing

    settings = settings_of()
    secret = sources.new_secret()
    where = endpoint or f"{settings.public_url.rstrip('/')}/feeds/{name}"
    with database(settings) as engine:
        with writing(engine) as connection:
            source = sources.by_name(connection, name)
            signing = source.settings.signing_secrets()[0] if source.settings.signed == "body" else None
            sources.rotate_secret(connection, name, secret)
            decisions.write_audit(
                connection, at=now(), actor=actor(), action="source-connect", source_id=source.id
            )
        hook = Hook(where, f"Authorization: Bearer {secret}", content.value, signing)
        with Connections(settings_of().keys_directory).open(source, 30.0) as client:
            offered, made = make(engine, source, client, hook, now(), topics=tuple(topic or ()))
    if as_json:
        say_json({"server": _offered(offered), "subscriptions": [_kept(each) for each in made]})
        return
    for line in in_words(offered):
        say(line)
    for each in made:
        say(f"Subscription/{each.fhir_id} ({each.status}): {_short(each.subject)}")
    if source.settings.signed != "none":
        note(
            "this feed takes only what is signed: see that the server signs (Medplum alone is told with what)"
        )
    note(f"the server sends to {where}; see `liverwatch source status {name}` for whether it does")


def disconnect(name: Name) -> None:
    """Take away the Subscriptions made here; the server is still asked for what it changed."""
    from service.catchup import disconnect as take_away
    from service.ehr import Connections
    from service.store import decisions, sources
    from service.store.session import writing

    with database(settings_of()) as engine:
        with writing(engine) as connection:
            source = sources.by_name(connection, name)
            decisions.write_audit(
                connection, at=now(), actor=actor(), action="source-disconnect", source_id=source.id
            )
        with Connections(settings_of().keys_directory).open(source, 30.0) as client:
            count = take_away(engine, source, client)
    say(f"{count} Subscriptions taken away")


def status(name: Name, as_json: Json = False) -> None:
    """Say what a source's server can do, how its Subscriptions stand, and how far it has been asked."""
    from service.store import sources
    from service.store.session import reading

    offered: Capabilities | None = None
    problem: str | None = None
    settings = settings_of()
    with database(settings) as engine:
        with reading(engine) as connection:
            source = sources.by_name(connection, name)
        if source.active and source.settings.fhir_base_url is not None:
            offered, problem = _look(engine, source)
        with reading(engine) as connection:
            known = _known(connection, source, timedelta(seconds=settings.feed_target_seconds))
    asked = source.active and source.settings.asks
    server = None if offered is None else _offered(offered)
    found = {"name": name, "server": server, "problem": problem, "asked": asked, **known}
    if as_json:
        say_json(found)
    else:
        _say(found)


def _look(engine: "Engine", source: "Source") -> "tuple[Capabilities | None, str | None]":
    """What the server can do, having seen how the Subscriptions stand there; or why that cannot be said."""
    from service.catchup import look_after
    from service.ehr import Connections
    from service.errors import LiverwatchError

    try:
        with Connections(settings_of().keys_directory).open(source, 30.0) as client:
            offered = client.capabilities_and_topics()
            look_after(engine, source, client, now())
    except LiverwatchError as error:
        return None, error.message
    return offered, None


def _say(found: dict[str, Any]) -> None:
    name, said, to_fetch = found["name"], found["heard"], found["to_fetch"]
    if found["problem"] is not None:
        say(f"the server of {name} does not answer: {found['problem']}")
    for line in found["server"]["in_words"] if found["server"] else ():
        say(line)
    for each in found["subscriptions"]:
        say(f"Subscription/{each['id']} ({each['status']}): {_short(each['subject'])}{_gaps(each)}")
    for line in _freshness(found):
        say(line)
    if said is not None:
        say(f"Last notified {said['at']:%Y-%m-%d %H:%M} UTC: {said['kind']} {said['status']}".rstrip())
    if to_fetch["count"]:
        since = f"{to_fetch['since']:%Y-%m-%d %H:%M}"
        say(f"{to_fetch['count']} resources that it pointed at are not here yet, the first since {since} UTC")
    if found["export"]:
        begun, files = found["export"]["begun"], found["export"]["files_read"]
        say(f"An export begun {begun:%Y-%m-%d %H:%M} UTC is not done; {files} of its files are read")
    if not found["asked"]:
        say(f"the server of {name} is not asked for anything")
    if found["types"]:
        columns = ("type", "mark", "read", "problem")
        table(columns, ([each[column] for column in columns] for each in found["types"]))


def _freshness(found: dict[str, Any]) -> list[str]:
    """When its feed last brought anything, and when its server was last asked with success."""
    fresh = found["freshness"]
    if fresh is None:
        return []
    last, read = fresh["last_message"], fresh["caught_up"]
    told = (
        f"The feed last brought something {last:%Y-%m-%d %H:%M} UTC"
        if last
        else "The feed never brought anything"
    )
    lines = [f"{told}: it is stale, silent for longer than --stale-after-seconds" if fresh["stale"] else told]
    if found["lost_last_day"] is not None:
        lines.append(f"Results of the last 24 hours that it lost and asking found: {found['lost_last_day']}")
    return lines + ([f"Caught up with what changed {read:%Y-%m-%d %H:%M} UTC"] if read else [])


def in_words(offered: "Capabilities") -> list[str]:
    """What a server can and cannot do, as it says, a sentence each."""
    named = f" ({offered.software})" if offered.software else ""
    if not offered.interactions:
        return [f"The server{named} does not say what it can do: what it refuses is left out."]
    said = [f"The server{named} speaks {offered.release or 'a release of FHIR that is not known here'}."]
    topics = ", ".join(offered.topics)
    if not offered.can("Subscription", "create"):
        said.append("It takes no Subscription: its changes are asked for.")
    elif topics:
        said.append(f"It notifies by topic: {topics}.")
    elif offered.release == "R5" or offered.backport:
        said.append("It notifies by topic, and names none: give one to `source connect --topic`.")
    else:
        said.append("It notifies by search (R4 rest-hook).")
    written = ("DetectedIssue", "ServiceRequest", "CommunicationRequest", "Task", "Provenance")
    said += [f"It takes no {type_}." for type_ in written if not offered.can(type_, "create")]
    if "transaction" not in offered.system:
        said.append("It carries out no transactions.")
    if "events" in offered.operations:
        said.append("It keeps the events it told of: those that do not come are asked for by number.")
    if "export" in offered.operations:
        said.append("It exports in bulk.")
    return said


def _offered(offered: "Capabilities") -> dict[str, Any]:
    return {
        "release": offered.release,
        "software": offered.software,
        "topics": list(offered.topics),
        "in_words": in_words(offered),
    }


def _kept(each: "Kept") -> dict[str, Any]:
    return {"id": each.fhir_id, "subject": each.subject, "status": each.status, "checked": each.checked}


def _gaps(each: dict[str, Any]) -> str:
    """What its notifications passed over."""
    missing = each["missing"]
    if missing is not None:
        which = (
            f"{missing['from']}"
            if missing["from"] == missing["to"]
            else f"{missing['from']} to {missing['to']}"
        )
        return f"; events {which} did not come, noticed {missing['since']:%Y-%m-%d %H:%M} UTC"
    return f"; gaps noticed and asked for: {each['gaps']}" if each["gaps"] else ""


def _short(subject: str) -> str:
    return subject if len(subject) <= 60 else f"{subject[:59]}…"


def _known(connection: "Connection", source: "Source", target: timedelta) -> dict[str, Any]:
    """What the database holds of a source's Subscriptions, its notifications and its turns."""
    from service.store import catch_up, exports, fetches, freshness, gaps, heard, subscriptions

    source_id = source.id
    fresh = freshness.of_every_source(connection, now()).get(source.name)
    lost = freshness.lost_lately(connection, now(), target).get(source.name)
    waiting, since = fetches.waiting(connection, source_id)
    said = heard.latest(connection, source_id)
    export = exports.under_way(connection, source_id)
    files = exports.count_read(connection, source_id)
    noticed = gaps.count(connection, source_id)
    missing = {
        each.fhir_id: {"from": each.first, "to": each.last, "since": each.since}
        for each in gaps.of_source(connection, source_id)
    }
    return {
        "export": None if export is None else {"begun": export.begun, "files_read": files},
        "freshness": None if fresh is None else asdict(fresh),
        "lost_last_day": lost,
        "heard": None if said is None else {"kind": said[0].kind, "status": said[0].status, "at": said[1]},
        "to_fetch": {"count": waiting, "since": since},
        "subscriptions": [
            {**_kept(each), "gaps": noticed.get(each.fhir_id, 0), "missing": missing.get(each.fhir_id)}
            for each in subscriptions.of_source(connection, source_id)
        ],
        "types": [
            {"type": each.type, "mark": each.mark, "read": each.read, "problem": each.problem}
            for each in catch_up.states(connection, source_id)
        ],
    }
