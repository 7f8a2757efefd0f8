"""`user`: who may use the pages in the browser."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Json, note, say, say_json, say_json_list, table
from service.cli.opening import actor, database, now, settings_of

if TYPE_CHECKING:
    from service.store.users import Account, Role

app = typer.Typer(help="Who may use the pages in the browser.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What they sign in with: a-z, 0-9, dot, - and _.")]
Shown = Annotated[str | None, typer.Option(metavar="NAME", help="The name that others see.")]
Roles = Annotated[
    list[str] | None,
    typer.Option(
        "--role",
        metavar="ROLE",
        help="What they may do: nurse, physician, auditor, engineer or admin; may be given more than once.",
    ),
]
Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        metavar="SOURCE",
        help="A source whose patients they see, may be given more than once; `*` for every one.",
    ),
]
PasswordFile = Annotated[
    Path | None, typer.Option(help="Take the password from this file instead of making one for one time.")
]


@app.command()
def add(
    name: Name,
    roles: Roles,
    shown: Shown = None,
    sources: Sources = None,
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Add a person; the password, good for one time, is shown this once."""
    from service import accounts
    from service.store.session import writing

    password = _password(password_file, name)
    account = accounts.local(
        name, password, _roles(roles or []), sources or (), shown=shown, one_time=password_file is None
    )
    with database(settings_of()) as engine, writing(engine) as connection:
        accounts.add(connection, account, by=actor(), now=now())
    _show_password(name, password, made=password_file is None, as_json=as_json)


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the people who may sign in, or could once."""
    from service.store import users
    from service.store.session import reading

    with database(settings_of()) as engine, reading(engine) as connection:
        found = [_as_object(each) for each in users.every(connection)]
    if as_json:
        say_json_list(found)
        return
    for each in found:
        each["roles"], each["sources"] = (", ".join(each[which]) or None for which in ("roles", "sources"))
    columns = ("name", "shown", "active", "roles", "sources", "issuer")
    table(columns, ([each[column] for column in columns] for each in found))


@app.command(name="set")
def set_(name: Name, shown: Shown = None, roles: Roles = None, sources: Sources = None) -> None:
    """Change what is given, leave the rest; signed out wherever they may now do or see something else."""
    from dataclasses import replace

    from service import accounts
    from service.store import users
    from service.store.session import writing

    given: dict[str, Any] = {}
    if shown is not None:
        given["shown"] = shown
    if roles:
        given["roles"] = _roles(roles)
    if sources:
        given["sources"] = frozenset(each for each in sources if each)
    with database(settings_of()) as engine, writing(engine) as connection:
        wanted = replace(users.by_id(connection, name), **given)
        changed = accounts.change(connection, wanted, by=actor(), now=now())
    say(f"changed: {', '.join(changed) or 'nothing'}")


@app.command()
def remove(name: Name) -> None:
    """Sign somebody out and in no more; what they did stays."""
    from service import accounts
    from service.store.session import writing

    with database(settings_of()) as engine, writing(engine) as connection:
        accounts.remove(connection, name, by=actor(), now=now())
    say(f"user {name} can sign in no more")


@app.command()
def password(name: Name, password_file: PasswordFile = None, as_json: Json = False) -> None:
    """Give somebody a new password, good for one time; they are signed out everywhere."""
    from service import accounts, passwords
    from service.store.session import writing

    fresh = _password(password_file, name)
    kept, one_time = passwords.digest(fresh), password_file is None
    with database(settings_of()) as engine, writing(engine) as connection:
        accounts.give_password(connection, name, kept, one_time=one_time, by=actor(), now=now())
    _show_password(name, fresh, made=password_file is None, as_json=as_json)


def _roles(names: list[str]) -> "frozenset[Role]":
    from service.errors import ConfigurationError
    from service.store.users import Role

    try:
        return frozenset(Role(each) for each in names)
    except ValueError as error:
        raise ConfigurationError(f"role: one of {', '.join(Role)} is expected") from error


def _password(file: Path | None, *about: str) -> str:
    """The password in a file, or a new one."""
    from service import passwords
    from service.errors import ConfigurationError

    if file is None:
        return passwords.made()
    try:
        given = file.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read") from error
    passwords.check_suitable(given, *about)
    return given


def _show_password(name: str, value: str, *, made: bool, as_json: bool) -> None:
    if as_json:
        say_json({"name": name, "password": value if made else None})
    elif made:
        say(value)
        note(f"the password of {name}, good for one time: it is not shown again")
    else:
        say(f"user {name} signs in with the password in the file")


def _as_object(account: "Account") -> dict[str, Any]:
    return {
        "name": account.id,
        "shown": account.shown,
        "active": account.active,
        "roles": sorted(account.roles),
        "sources": sorted(account.sources),
        "issuer": account.issuer,
        "one_time_password": account.one_time,
    }
