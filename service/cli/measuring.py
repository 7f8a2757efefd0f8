"""`measures`: how often alerts are raised, right, taken, acted on and closed in time."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import Json, note, say, say_json, table
from service.cli.opening import actor, database, now, rules_of, settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.quality.measures.exporting import Row

_Day = "%Y-%m-%d"


def measures(
    name: Annotated[list[str] | None, typer.Argument(help="Only these measures.")] = None,
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=[_Day], help="The first day. Default: a year ago."),
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=[_Day], help="The last day. Default: today.")
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(help="Only this source; may be repeated. Default: all.")
    ] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV to stdout.")] = False,
    parquet: Annotated[
        Path | None, typer.Option(help="Write this Parquet file; needs liverwatch[parquet].", dir_okay=False)
    ] = None,
) -> None:
    """Measures for quality teams, by month and stratum; small cells are masked."""
    from service.quality.measures import MEASURES, evaluate, exporting, measure_named
    from service.quality.measures.asking import question_of
    from service.store import sources
    from service.store.decisions import write_audit
    from service.store.session import reading, writing

    settings, at = settings_of(), now()
    chosen = [measure_named(each) for each in name] if name else MEASURES
    with database(settings) as engine:
        with reading(engine) as connection:
            names = [sources.by_name(connection, each).name for each in source] if source else None
            question = question_of(
                connection,
                settings,
                rules_of(settings, engine).rulebook,
                at,
                first=first.date() if first else None,
                last=last.date() if last else None,
                names=names,
            )
            rows = list(exporting.rows(evaluate(connection, question, chosen), question))
        with writing(engine) as connection:
            detail = {
                "measures": [each.name for each in chosen],
                "sources": sorted(question.sources.values()),
            }
            write_audit(connection, at=at, actor=actor(), action="read-measures", detail=detail)
    if parquet is not None:
        exporting.write_parquet(rows, parquet)
    if as_csv:
        typer.echo(exporting.as_csv(rows), nl=False)
    elif as_json:
        say_json([row._asdict() for row in rows])
    elif parquet is None:
        _say({each.name: each.title for each in chosen}, rows)
    if parquet is not None:
        note(f"{len(rows)} figures written")


def _say(titles: "Mapping[str, str]", rows: "Sequence[Row]") -> None:
    """The totals; of a single measure every figure."""
    every = len(titles) == 1
    shown = [row for row in rows if every or row.dimension == "total"]
    headings = ("measure", "of", "numerator", "denominator", "share", "median", "p90", "unit")
    table(headings, ((titles[row.measure], *_cells(row)) for row in shown))
    if any(row.masked for row in shown):
        say("*: too few to be shown, or it would give away one that is")


def _cells(row: "Row") -> tuple[object, ...]:
    of = f"{row.dimension} {row.stratum}".strip()
    if row.masked:
        return (of, "*", "*", "*", "*", "*", row.unit)
    share = None if row.rate is None else f"{row.rate:.1%}"
    return (of, row.numerator, row.denominator, share, row.median, row.p90, row.unit)
