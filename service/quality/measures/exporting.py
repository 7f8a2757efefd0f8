"""Figures as rows, for spreadsheets and notebooks; small cells are masked in all of them."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from service.errors import ConfigurationError
from service.quality.measures.cases import Question
from service.quality.measures.evaluating import Counted
from service.quality.measures.figures import Figure
from service.quality.measures.masking import Masked, masked
from service.spreadsheets import harmless


class Row(NamedTuple):
    """One figure."""

    measure: str
    first: str
    """The first day of the period, as ISO text; the last day counts too."""
    last: str
    dimension: str
    """`total`, `month`, `reason`, or by what strata are told apart."""
    stratum: str
    masked: bool
    """It is too small to be shown, or would give one away that is; then nothing else is told."""
    numerator: int | None
    denominator: int | None
    rate: float | None
    """0 to 1; None where nothing was counted."""
    unit: str | None
    median: float | None
    """None where there is none, and where it would be of few people."""
    p90: float | None


def rows(counted: Iterable[Counted], question: Question) -> Iterator[Row]:
    """Every figure, masked: the total of each measure, its months, its strata.

    Args:
        counted: what was evaluated.
        question: for which period, and of how few people nothing is told.
    """
    for measure, figures in counted:
        shown = masked(figures, question.smallest)
        tables: dict[str, Mapping[str, Figure | Masked]] = {"total": {"": shown.total}, "month": shown.months}
        for dimension, table in (tables | dict(shown.strata)).items():
            for stratum, figure in table.items():
                yield _row(measure.name, measure.unit, question, dimension, stratum, figure)


def _row(
    name: str, unit: str | None, question: Question, dimension: str, stratum: str, figure: Figure | Masked
) -> Row:
    place = (name, question.first.isoformat(), question.last.isoformat(), dimension, stratum)
    if isinstance(figure, Masked):
        return Row(*place, True, None, None, None, unit, None, None)
    counts = (figure.numerator, figure.denominator, figure.rate)
    return Row(*place, False, *counts, unit, figure.median, figure.p90)


def as_csv(told: Iterable[Row]) -> str:
    """As CSV with a heading; what a spreadsheet would take for a formula has an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(Row._fields)
    for row in told:
        writer.writerow([harmless(each) for each in row])
    return out.getvalue()


def write_parquet(told: Iterable[Row], path: Path) -> None:
    """As one Parquet file.

    Raises:
        ConfigurationError: the library for it is not installed, or the file cannot be written.
    """
    try:
        from arro3.core import Array, DataType, Table  # noqa: PLC0415 - an extra
        from arro3.io import write_parquet as write  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError("Parquet needs an extra: pip install 'liverwatch[parquet]'") from error
    kinds = {bool: DataType.bool(), int | None: DataType.int64(), float | None: DataType.float64()}
    every = list(told)
    arrays = {
        name: Array([getattr(row, name) for row in every], type=kinds.get(kind, DataType.utf8()))
        for name, kind in Row.__annotations__.items()
    }
    try:
        write(Table.from_arrays(list(arrays.values()), names=list(arrays)), path)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written ({type(error).__name__})") from error
