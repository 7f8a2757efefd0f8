"""`source`: the EHRs that feed the service."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import asking, connecting, exporting
from service.cli.console import Json, note, say, say_json, say_json_list, table
from service.cli.opening import actor, database, now, settings_of
from service.cli.source_options import takes_settings

if TYPE_CHECKING:
    from service.store.source_settings import SourceSettings
    from service.store.sources import Source

app = typer.Typer(help="The EHRs that feed the service.", no_args_is_help=True)
app.command()(asking.catchup)
app.command()(exporting.export)
app.command()(connecting.connect)
app.command()(connecting.status)
app.command()(connecting.disconnect)


Name = Annotated[str, typer.Argument(help="a-z, 0-9 and -")]
SecretFile = Annotated[
    Path | None, typer.Option(help="Take the feed secret from this file instead of making one.")
]


@app.command()
@takes_settings
def add(name: Name, secret_file: SecretFile = None, as_json: Json = False, **given: Any) -> None:
    """Add a source; its feed secret is shown this once."""
    from service.store import sources
    from service.store.session import writing
    from service.store.source_settings import SourceSettings

    secret = _secret(secret_file)
    settings = _changed(SourceSettings(), given)
    with database(settings_of()) as engine, writing(engine) as connection:
        source = sources.add(connection, name, settings, secret, now())
        _audit(connection, "source-add", source)
    _show_secret(name, secret, made=secret_file is None, as_json=as_json)


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the sources."""
    from service.store import sources
    from service.store.session import reading

    with database(settings_of()) as engine, reading(engine) as connection:
        found = [_as_object(each) for each in sources.every(connection)]
    if as_json:
        say_json_list(found)
        return
    columns = ("name", "active", "zone", "version_order", "fhir_base_url", "contacts")
    for each in found:
        each["contacts"] = ", ".join(each["contacts"]) or None
    table(columns, ([each[column] for column in columns] for each in found))


@app.command(name="set")
@takes_settings
def set_(name: Name, **given: Any) -> None:
    """Change what is given, leave the rest; an empty text takes a setting away."""
    from service.store import outbox_control, sources
    from service.store.session import writing

    with database(settings_of()) as engine, writing(engine) as connection:
        before = sources.by_name(connection, name)
        settings = _changed(before.settings, given)
        after = sources.change(connection, name, settings)
        names = [each for each in _names() if getattr(before.settings, each) != getattr(settings, each)]
        if settings.writes and not before.settings.writes:
            outbox_control.want_standing(connection, after.id, now())
        if {"tasks", "language"} & set(names):
            outbox_control.rewrite(connection, after.id, now())
        _audit(connection, "source-set", after, {"changed": names})
    say(f"changed: {', '.join(names) or 'nothing'}")
    if before.settings.digest != settings.digest:
        note("this changes how its results are read: run `liverwatch rejudge`")


@app.command()
def remove(name: Name) -> None:
    """Take nothing more from a source; what it sent stays."""
    from service.store import sources
    from service.store.session import writing

    with database(settings_of()) as engine, writing(engine) as connection:
        sources.remove(connection, name)
        _audit(connection, "source-remove", sources.by_name(connection, name))
    say(f"source {name} takes nothing more; what it sent stays")


@app.command()
def secret(name: Name, secret_file: SecretFile = None, as_json: Json = False) -> None:
    """Give a source a new feed secret; the newest one before it stays valid until the next time."""
    from service.errors import Conflict
    from service.store import sources
    from service.store.session import writing

    fresh = _secret(secret_file)
    with database(settings_of()) as engine, writing(engine) as connection:
        source = sources.by_name(connection, name)
        if not source.active:
            raise Conflict(f"source {name!r} has been removed")
        sources.rotate_secret(connection, name, fresh)
        _audit(connection, "source-secret", source)
    _show_secret(name, fresh, made=secret_file is None, as_json=as_json)


def _names() -> tuple[str, ...]:
    from service.store.source_settings import SourceSettings

    return SourceSettings.__struct_fields__


def _changed(before: "SourceSettings", options: dict[str, Any]) -> "SourceSettings":
    """The settings with what is given in place; an empty text means the default."""
    import msgspec

    from service.store.source_settings import SourceSettings

    default = SourceSettings()
    said: dict[str, Any] = {}
    for name in _names():
        value = options[name]
        if isinstance(value, list):
            if value:
                said[name] = tuple(each.strip() for each in value if each)
        elif value is not None:
            said[name] = str(value) if isinstance(value, StrEnum) else value
            if value == "":
                said[name] = getattr(default, name)
    if "language" in said:
        said["language"] = said["language"].replace("_", "-")
    return msgspec.structs.replace(before, **said)


def _secret(file: Path | None) -> str:
    """The secret in a file, or a new one."""
    from service.errors import ConfigurationError
    from service.store.sources import new_secret

    if file is None:
        return new_secret()
    try:
        given = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read") from error
    if len(given) < 16:
        raise ConfigurationError(f"{file}: a secret of at least 16 characters is expected")
    return given


def _show_secret(name: str, value: str, *, made: bool, as_json: bool) -> None:
    if as_json:
        say_json({"name": name, "secret": value if made else None})
    elif made:
        say(value)
        note(f"the feed secret of {name}: it is not shown again. Send it as `Authorization: Bearer ...`")
    else:
        say(f"source {name} accepts the secret in the file")


def _audit(connection: Any, action: str, source: "Source", detail: dict[str, Any] | None = None) -> None:
    from service.store import decisions

    decisions.write_audit(
        connection, at=now(), actor=actor(), action=action, source_id=source.id, detail=detail
    )


def _as_object(source: "Source") -> dict[str, Any]:
    settings = {name: getattr(source.settings, name) for name in _names()}
    return {"name": source.name, "active": source.active, **settings, "secrets": len(source.secret_digests)}
