"""`population`: made-up people in files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from service.cli.console import Json, counted, say, say_json


def population(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the files go; made where it is not there.")],
    patients: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many people.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="The same seed, the same people.")] = 1,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day their histories end.", show_default="today"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make people who do not exist, with liver tests over years: NDJSON files to load, one for each type.

    The same numbers give the same files. 6,700 people have about 300,000 results.
    """
    from service.population import population as people
    from service.population import write

    until = (day or datetime.now(UTC)).date()
    counts = dict(sorted(write(people(seed, patients, until), out).items()))
    if as_json:
        say_json(counts)
    else:
        say(f"{out}: {counted(counts)}")
