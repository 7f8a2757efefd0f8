"""What stands beside every alert: how its results read together. The one door: `interpret`.

It is a function of the record, the rulebook, the episode and the time, worked out when somebody reads the
alert: nothing decides by it, so it is not part of an alert's content, and ingest does not pass here.
"""

from dataclasses import replace
from datetime import date, datetime
from decimal import Context, localcontext

from service.clinical.analytes import Analyte
from service.clinical.episodes import Episode
from service.clinical.grades import doubling, edish, grades
from service.clinical.patterns import patterns
from service.clinical.readings import Interpretation, Readings
from service.clinical.results import PatientRecord
from service.clinical.rulebook import Rulebook
from service.clinical.scores import scores

_ARITHMETIC = Context(prec=40)
_OUTSIDE = "under the adult age: outside the population these rules were validated in"


def interpret(
    record: PatientRecord, rulebook: Rulebook, episode: Episode, as_of: datetime
) -> list[Interpretation]:
    """Every reading of an episode, in the order a reader wants them; those that cannot be given say why.

    They are of the latest day on which a test of the episode was elevated.
    """
    with localcontext(_ARITHMETIC):
        readings = Readings(record, rulebook, as_of)
        day = latest_elevated(record, episode)
        found = [*patterns(readings, day), *scores(readings, day)]
        for analyte in dict.fromkeys((*(level.analyte for level in episode.latest), Analyte.CREATINE_KINASE)):
            of_one = (grades(readings, analyte, day), doubling(readings, analyte, day))
            found += [each for each in of_one if each is not None]
        found.append(edish(readings, episode.onset, day))
    if readings.context.child(day):
        return [_with_caveat(each, _OUTSIDE) for each in found]
    return found


def latest_elevated(record: PatientRecord, episode: Episode) -> date:
    """By its evidence; the last result's day where the record no longer holds any of it."""
    days = (result.day for result in record.results if result.key in episode.evidence)
    return max(days, default=episode.last_result)


def _with_caveat(given: Interpretation, caveat: str) -> Interpretation:
    return replace(given, caveats=(*given.caveats, caveat)) if given.given else given
