"""How high everybody's tests came and what lasted, as last judged.

It is kept with each person, so that a population is looked at without judging anybody anew.
"""

from collections.abc import Collection, Iterator
from datetime import date
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, select

from service.clinical.analytes import Analyte
from service.clinical.bands import Band
from service.clinical.episodes import Assessment, Kind
from service.clinical.injury_pattern import InjuryPattern
from service.clinical.peaks import MonthPeak
from service.store.query import Query, among
from service.store.schema import patient

_NO_PEAK = (None, None)
_LASTING = (Kind.PERSISTENT, Kind.INTERMITTENT)


class Month(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`clinical.peaks.MonthPeak`, flat: a population is many of them, and what is flat is read quickly."""

    month: date
    """Its first day."""
    enzyme: float | None
    """Of ALT and AST the higher, as a multiple of its limit."""
    enzyme_of_baseline: float | None
    bilirubin: float | None
    bilirubin_of_baseline: float | None
    band: Band
    pattern: InjuryPattern | None


class Lasting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An elevation that persisted, or came again and again."""

    kind: Kind
    analyte: Analyte
    first: date
    """When it began."""
    met: date
    """The first day on which it had lasted for long enough."""
    last: date


class Peaks(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Of one person with an elevated result at any time."""

    months: tuple[Month, ...]
    """The oldest first."""
    lasting: tuple[Lasting, ...]


class Person(NamedTuple):
    """Whose they are."""

    number: int
    source_id: int
    peaks: Peaks


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Peaks)
_kept = Query(
    select(patient.c.id, patient.c.source_id, patient.c.peaks).where(
        among(patient.c.source_id, "sources"), patient.c.peaks.is_not(None)
    )
)


def encode(assessment: Assessment) -> str | None:
    """What is kept of an assessment; None where no test was ever elevated."""
    if not assessment.peaks:
        return None
    lasting = tuple(
        Lasting(each.kind, each.analyte, each.first, each.met, each.last)
        for episode in assessment.episodes
        for each in episode.findings
        if each.kind in _LASTING
    )
    months = tuple(_flat(each) for each in assessment.peaks)
    return _encoder.encode(Peaks(months, lasting)).decode()


def _flat(each: MonthPeak) -> Month:
    enzyme, enzyme_of_baseline = each.enzyme or _NO_PEAK
    bilirubin, bilirubin_of_baseline = each.bilirubin or _NO_PEAK
    return Month(
        each.month,
        enzyme,
        enzyme_of_baseline,
        bilirubin,
        bilirubin_of_baseline,
        each.band,
        each.pattern,
    )


def of_sources(connection: Connection, sources: Collection[int]) -> Iterator[Person]:
    """Everybody of these sources with an elevated result at any time."""
    for number, source_id, text in _kept.rows(connection, sources=sources):
        yield Person(number, source_id, _decoder.decode(text))
