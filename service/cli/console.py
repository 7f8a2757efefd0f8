"""What commands say: results on stdout, all else on stderr, progress only where somebody is looking."""

import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.spreadsheets import harmless

if TYPE_CHECKING:
    from rich.progress import Progress

Json = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]


def say(text: str) -> None:
    """Write a line of the result."""
    typer.echo(text)


def note(text: str) -> None:
    """Write a line beside the result."""
    typer.echo(text, err=True)


def complain(text: str) -> None:
    """Say, in one line, why a command could not do what it was asked."""
    note(f"liverwatch: {' '.join(text.split())}")


Csv = Annotated[bool, typer.Option("--csv", help="Write CSV to stdout.")]


class _Plain(logging.Formatter):
    """Level and message, and of an exception its type alone: its text may quote values."""

    def format(self, record: logging.LogRecord) -> str:
        raised = record.exc_info[0] if record.exc_info else None
        return f"{record.levelname.lower()}: {record.getMessage()}" + (
            f" ({raised.__name__})" if raised else ""
        )


def log_plainly() -> None:
    """Send warnings and worse to stderr, a line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Plain())
    root = logging.getLogger()
    root.handlers, root.level = [handler], logging.WARNING


def say_json(content: Any) -> None:
    """Write one JSON value."""
    typer.echo(_encode(content))


def say_json_list(items: Iterable[Any]) -> int:
    """Write a JSON array, one item a line, as the items come; how many there were."""
    count = 0
    typer.echo("[", nl=False)
    for item in items:
        typer.echo(",\n " if count else "\n ", nl=False)
        typer.echo(_encode(item), nl=False)
        count += 1
    typer.echo("\n]" if count else "]")
    return count


def _encode(content: Any) -> str:
    import msgspec

    return msgspec.json.Encoder(decimal_format="number").encode(content).decode()


def say_csv(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write CSV (RFC 4180) with a line of headings, a row at a time as they come."""
    import csv

    writer = csv.writer(sys.stdout)
    writer.writerow(headings)
    writer.writerows([harmless(cell) for cell in row] for row in rows)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows in aligned columns; nothing is cut."""
    lines = [list(headings), *([("-" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def counted(counts: dict[str, int]) -> str:
    """`3 urgent, 1 soon`, or `none`."""
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


@contextmanager
def progress(*columns: str) -> "Iterator[Progress]":
    """A progress display on stderr; silent where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    shown: list[str | ProgressColumn] = [
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        TimeRemainingColumn(),
    ]
    with Progress(*shown, console=console, transient=True, disable=not sys.stderr.isatty()) as display:
        yield display
