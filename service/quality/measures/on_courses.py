"""Cases of what judging found: counted by the days of the results, whenever they arrived."""

from collections.abc import Iterator

from service.clinical.episodes import Family, Suppression
from service.quality.measures.cases import Case, Question, Strata
from service.quality.measures.strata import strata_of
from service.store.courses import Course, Elevation
from service.store.measured import Subject

SUPPRESSED = {
    Suppression.BONE_SOURCE: "ALP with a normal GGT: a bone source",
    Suppression.GGT_ALONE: "GGT alone",
    Suppression.ISOLATED_BILIRUBIN: "isolated bilirubin",
    Suppression.GILBERT: "isolated unconjugated bilirubin (Gilbert syndrome)",
    Suppression.UNDER_18: "under 18",
    Suppression.PREGNANCY: "pregnancy",
}
"""Why the alert policy raises none, in words."""


def alerted(subject: Subject, course: Course, question: Question) -> Iterator[Case]:
    """Elevations that met a rule: whether they raised an alert."""
    for each in _met_in(course, question):
        tier = (("tier", each.tier.name.lower()),) if each.tier is not None else ()
        strata = _strata(subject, each, question) + tier
        yield Case(subject, each.day, each.tier is not None, strata=strata)


def suppressed(subject: Subject, course: Course, question: Question) -> Iterator[Case]:
    """Elevations that met a rule: whether the alert policy kept them from raising an alert, and why."""
    for each in _met_in(course, question):
        because = (SUPPRESSED[each.suppressed],) if each.suppressed is not None else ()
        strata = _strata(subject, each, question)
        yield Case(subject, each.day, each.tier is None, strata=strata, because=because)


def rechecked(subject: Subject, course: Course, question: Question) -> Iterator[Case]:
    """Repeats that elevated results asked for: whether they came within the window."""
    today = question.now.date()
    for asked in course.rechecks:
        if asked.day not in question or today <= asked.last:
            continue
        met = asked.repeated is not None and asked.repeated <= asked.last
        took = None if asked.repeated is None else float((asked.repeated - asked.day).days)
        strata = (*strata_of(subject, asked.day, question.sources), ("test", asked.analyte.value))
        yield Case(subject, asked.day, met, took, strata)


def _met_in(course: Course, question: Question) -> Iterator[Elevation]:
    return (each for each in course.elevations if each.day in question)


def _strata(subject: Subject, each: Elevation, question: Question) -> Strata:
    return (*strata_of(subject, each.day, question.sources), ("family", Family(each.family).value))
