"""`keys`: what this service signs with, for EHRs that know it by its public keys."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.console import Json, note, say, say_json, say_json_list, table
from service.cli.opening import actor, database, now, settings_of

app = typer.Typer(help="Keys that this service signs with (SMART Backend Services).", no_args_is_help=True)


class Signing(StrEnum):
    """With what."""

    ES384 = "ES384"
    RS384 = "RS384"


@app.command()
def new(
    algorithm: Annotated[Signing, typer.Option(help="What the EHR accepts.")] = Signing.ES384,
    as_json: Json = False,
) -> None:
    """Make a key. It stays in its file; EHRs read its public half at `/.well-known/jwks.json`.

    To change a key: make a new one, wait until the EHR has read it, retire the old one.
    """
    from service.ehr import keys

    settings = settings_of()
    key = keys.new_key(_directory(settings), algorithm.value, now())
    _audit(settings, "key-new", key)
    if as_json:
        say_json(_as_object(key))
    else:
        say(key.id)
        note(f"EHRs read its public half at {settings.public_url.rstrip('/')}/.well-known/jwks.json")


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the valid keys, the oldest first: it signs unless a source names another."""
    from service.ehr import keys

    found = [_as_object(each) for each in keys.keys_in(_directory(settings_of()))]
    if as_json:
        say_json_list(found)
    elif found:
        table(tuple(found[0]), ([*each.values()] for each in found))


@app.command()
def retire(key: Annotated[str, typer.Argument(help="The key's id, or enough of its beginning.")]) -> None:
    """Destroy a key: it signs no more, and `/.well-known/jwks.json` shows it no more."""
    from service.ehr import keys

    settings = settings_of()
    retired = keys.retire(_directory(settings), key)
    _audit(settings, "key-retire", retired)
    say(f"the key {retired.id} signs no more")


def _directory(settings: Any) -> Path:
    from service.errors import ConfigurationError

    if settings.keys_directory is None:
        raise ConfigurationError("LIVERWATCH_KEYS_DIRECTORY: name the directory that keys are kept in")
    directory: Path = settings.keys_directory
    return directory


def _as_object(key: Any) -> dict[str, Any]:
    return {
        "id": key.id,
        "algorithm": key.algorithm,
        "created": key.created.isoformat(timespec="seconds"),
    }


def _audit(settings: Any, action: str, key: Any) -> None:
    from service.store import decisions
    from service.store.session import writing

    detail = {"key": key.id, "algorithm": key.algorithm}
    with database(settings) as engine, writing(engine) as connection:
        decisions.write_audit(connection, at=now(), actor=actor(), action=action, detail=detail)
