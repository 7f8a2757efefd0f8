"""How high everybody's tests came and what lasted, as last judged.

It is kept with each person, so that a population is looked at without judging anybody anew.
"""

from collections.abc import Collection, Iterator
from datetime import date
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Connection, func, select

from service.clinical.analytes import Analyte
from service.clinical.episodes import Assessment, Kind
from service.clinical.peaks import MonthPeak
from service.store.query import among
from service.store.schema import patient

_LASTING = (Kind.PERSISTENT, Kind.INTERMITTENT)


class Lasting(NamedTuple):
    """An elevation that persisted, or came again and again."""

    kind: Kind
    analyte: Analyte
    first: date
    """When it began."""
    met: date
    """The first day on which it had lasted for long enough."""
    last: date


class Peaks(NamedTuple):
    """Of one person with an elevated result at any time."""

    months: tuple[MonthPeak, ...]
    """The oldest first."""
    lasting: tuple[Lasting, ...]


class Person(NamedTuple):
    """Whose they are."""

    number: int
    source_id: int
    public_id: UUID
    peaks: Peaks


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Peaks)


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
    return _encoder.encode(Peaks(tuple(assessment.peaks), lasting)).decode()


def of_sources(connection: Connection, sources: Collection[int]) -> Iterator[Person]:
    """Everybody of these sources with an elevated result at any time."""
    query = select(patient.c.id, patient.c.source_id, patient.c.public_id, patient.c.peaks).where(
        among(patient.c.source_id, sources), patient.c.peaks.is_not(None)
    )
    for number, source_id, public_id, text in connection.execute(query):
        yield Person(number, source_id, public_id, _decoder.decode(text))


def people_of(connection: Connection, sources: Collection[int]) -> int:
    """How many people there are in these sources, merged records counted once."""
    query = select(func.count()).select_from(patient)
    return int(
        connection.execute(
            query.where(among(patient.c.source_id, sources), patient.c.survivor_id.is_(None))
        ).scalar_one()
    )
