"""What measures count of people's last judgement, kept with each: nobody is judged anew to be counted."""

from datetime import date
from typing import NamedTuple

import msgspec

from service.clinical.episodes import AskedRecheck, Assessment, Family, Suppression, Tier


class Elevation(NamedTuple):
    """An episode in which a rule was met."""

    family: Family
    day: date
    """The first day on which it raised an alert; where it raises none, on which a rule was met."""
    tier: Tier | None
    """With which it raised an alert, however high it rose later; None where it raises none."""
    suppressed: Suppression | None
    """Why it raises none."""


class Course(NamedTuple):
    """Of one person."""

    elevations: tuple[Elevation, ...]
    rechecks: tuple[AskedRecheck, ...]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Course)


def course_of(assessment: Assessment, *, deceased: bool) -> Course:
    """What is counted of an assessment; of somebody who died, no repeat that never came."""
    elevations = tuple(
        Elevation(
            episode.family,
            episode.alerts_from or min(finding.met for finding in episode.findings),
            episode.tier_changes[0].tier if episode.tier_changes else None,
            None if episode.tier is not None else episode.findings[0].suppressed,
        )
        for episode in assessment.episodes
        if episode.findings
    )
    rechecks = (each for each in assessment.rechecks if each.repeated is not None or not deceased)
    return Course(elevations, tuple(rechecks))


def encode(course: Course) -> str | None:
    """As it is kept; None where there is nothing to count."""
    return _encoder.encode(course).decode() if any(course) else None


def decode(text: str) -> Course:
    """From what was kept."""
    return _decoder.decode(text)
