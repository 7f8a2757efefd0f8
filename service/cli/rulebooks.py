"""`rulebook`: what records are judged by, whether a site's rulebook can be used, and how it differs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Json, note, say, say_json, table
from service.cli.opening import database, rules_of, settings_of
from service.cli.shadowing import shadow, withdraw

if TYPE_CHECKING:
    from service.clinical.rulebook import Rulebook
    from service.clinical.rulebook_reader import Entry

app = typer.Typer(help="What records are judged by.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="A rulebook, in TOML.", show_default=False)]
app.command()(shadow)
app.command()(withdraw)


@app.callback()
def group() -> None:
    """What records are judged by."""


@app.command()
def show(
    effective: Annotated[
        bool,
        typer.Option("--effective", help="The text that decisions keep: complete, also without a parent."),
    ] = False,
    entry: Annotated[
        str | None,
        typer.Option("--entry", metavar="PATH", help="Only this entry, or those below it: limits.upper.ALT."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the rulebook in force: every number with its source, and how well it was checked."""
    settings = settings_of()
    with database(settings) as engine:
        rulebook = rules_of(settings, engine).rulebook
    if effective and not as_json:
        say(rulebook.text.rstrip("\n"))
        return
    chosen = _chosen(rulebook, entry)
    if as_json:
        say_json(
            {
                "version": rulebook.version,
                "digest": rulebook.digest,
                "released": rulebook.released,
                "history": [{"version": each.version, "digest": each.digest} for each in rulebook.history],
                "entries": {path: _plain(rulebook, each) for path, each in chosen.items()},
                **({"text": rulebook.text} if effective else {}),
            }
        )
        return
    if entry is None:
        say(f"rulebook {' over '.join(each.version for each in rulebook.history)}, SHA-256 {rulebook.digest}")
    table(
        ("ENTRY", "VALUE", "CITATION", "TAG"),
        [(path, _value(each), each.citation, each.tag) for path, each in chosen.items()],
    )


@app.command()
def check(file: File, as_json: Json = False) -> None:
    """Say whether a rulebook can be used, or everything that is wrong with it (exit code 1)."""
    from service.clinical.rulebook import RulebookRefused, load_rulebook
    from service.errors import ConfigurationError

    problems: tuple[str, ...] = ()
    version = None
    try:
        version = load_rulebook(file).version
    except RulebookRefused as refused:
        problems = refused.problems
    except ConfigurationError as refused:
        problems = (refused.message,)
    if as_json:
        say_json({"ok": not problems, "version": version, "problems": problems})
    elif not problems:
        say(f"ok: {version}")
    for each in problems:
        note(each)
    if problems:
        raise typer.Exit(1)


@app.command()
def diff(
    file: File,
    other: Annotated[
        Path | None,
        typer.Argument(help="What to compare with; its parent where none is given.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a rulebook changes: each entry before and after, with its source."""
    from service.clinical.rulebook import differences, load_rulebook

    after = load_rulebook(file)
    before = load_rulebook(other) if other is not None else (after.parent or load_rulebook())
    found = list(differences(before, after))
    if as_json:
        say_json(
            {
                "before": before.version,
                "after": after.version,
                "entries": {
                    each.path: {
                        "before": each.before and _plain(before, each.before),
                        "after": each.after and _plain(after, each.after),
                    }
                    for each in found
                },
            }
        )
        return
    if not found:
        say(f"{before.version} and {after.version} say the same")
        return
    table(
        ("ENTRY", before.version, after.version),
        [(each.path, _sourced(each.before), _sourced(each.after)) for each in found],
    )


def _chosen(rulebook: "Rulebook", path: str | None) -> "dict[str, Entry]":
    """The entries at `path` and below it; all of them where it is None."""
    from service.errors import NotFound

    if path is None:
        return dict(rulebook.entries)
    found = {each: entry for each, entry in rulebook.entries.items() if f"{each}.".startswith(f"{path}.")}
    if not found:
        raise NotFound(f"the rulebook has no entry {path}; see `liverwatch rulebook show`")
    return found


def _value(entry: "Entry") -> object:
    from service.clinical.rulebook_checks import shown

    return shown(entry.value)


def _plain(rulebook: "Rulebook", entry: "Entry") -> dict[str, Any]:
    return {
        "value": _value(entry),
        "citation": entry.citation,
        "reference": rulebook.citations[entry.citation],
        "tag": entry.tag,
    }


def _sourced(entry: "Entry | None") -> str | None:
    return entry and f"{_value(entry)} ({entry.citation}, {entry.tag})"
