"""Small histories for the clinical tests: days are counted from 1 January 2020 or given as dates."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count

from service.clinical.analytes import Analyte
from service.clinical.assess import assess
from service.clinical.episodes import Assessment, Episode, Family, Finding, Kind
from service.clinical.results import (
    Comparator,
    Condition,
    LabResult,
    Medication,
    PatientRecord,
    ReferenceRange,
    ResultKey,
    Sex,
)
from service.clinical.rulebook import Rulebook, load_rulebook

DAY_0 = date(2020, 1, 1)
RULEBOOK = load_rulebook()
ALT, AST, ALP, GGT = Analyte.ALT, Analyte.AST, Analyte.ALP, Analyte.GGT
TBIL, DBIL, INR, ALB = (
    Analyte.TOTAL_BILIRUBIN,
    Analyte.DIRECT_BILIRUBIN,
    Analyte.INR,
    Analyte.ALBUMIN,
)
ULN: dict[Analyte, Decimal | int] = {
    ALT: 33,
    AST: 40,
    ALP: 120,
    GGT: 60,
    TBIL: Decimal("20.5"),
    DBIL: Decimal("5.1"),
    INR: Decimal("1.2"),
}
"""The rulebook's limits of a man, in canonical units."""

_numbers = count()

When = int | date


def day_of(when: When) -> date:
    """A day by its number after DAY_0, or as it is."""
    return when if isinstance(when, date) else DAY_0 + timedelta(days=when)


def result(
    analyte: Analyte,
    when: When,
    value: object,
    *,
    comparator: str = "",
    limits: tuple[object, object] | None = None,
    preliminary: bool = False,
    flags: tuple[str, ...] = (),
    key: str | None = None,
) -> LabResult:
    """One result in canonical units; `limits` is the laboratory's own range (low, high)."""
    day = day_of(when)
    ranges: tuple[ReferenceRange, ...] = ()
    if limits is not None:
        low, high = (None if one is None else Decimal(str(one)) for one in limits)
        ranges = (ReferenceRange(low, high),)
    return LabResult(
        key=ResultKey("lab", key or f"{analyte.value}-{day}-{next(_numbers):06}"),
        analyte=analyte,
        effective=datetime.combine(day, time(8), UTC),
        day=day,
        value=Decimal(str(value)),
        comparator=Comparator(comparator),
        ranges=ranges,
        preliminary=preliminary,
        flags=flags,
    )


def series(analyte: Analyte, values: Mapping[When, object]) -> list[LabResult]:
    """Results of one analyte by day."""
    return [result(analyte, when, value) for when, value in values.items()]


def multiples(analyte: Analyte, values: Mapping[When, object]) -> list[LabResult]:
    """Results of one analyte by day, given as multiples of a man's upper limit."""
    return series(
        analyte, {when: Decimal(str(value)) * Decimal(ULN[analyte]) for when, value in values.items()}
    )


def man(*results: Iterable[LabResult] | LabResult, **more: object) -> PatientRecord:
    """A man born in 1970 with these results."""
    return patient(*results, **{"sex": Sex.MALE, **more})


def patient(*results: Iterable[LabResult] | LabResult, **more: object) -> PatientRecord:
    """A patient born in 1970 with these results."""
    flat: list[LabResult] = []
    for one in results:
        if isinstance(one, LabResult):
            flat.append(one)
        else:
            flat.extend(one)
    return PatientRecord(flat, **{"birth_date": date(1970, 1, 1), **more})  # type: ignore[arg-type]


def judged(
    record: PatientRecord, *, at: When = date(2026, 1, 1), rulebook: Rulebook = RULEBOOK
) -> Assessment:
    """The assessment as of noon of the day `at`."""
    return assess(record, rulebook, datetime.combine(day_of(at), time(12), UTC))


def elevations(assessment: Assessment) -> list[Episode]:
    """The episodes of elevated results."""
    return [one for one in assessment.episodes if one.family is not Family.FOLLOW_UP]


def missed(assessment: Assessment, analyte: Analyte | None = None) -> list[Episode]:
    """The rechecks that did not come in time, of one analyte if given, in order of what asked for them."""
    return [
        one
        for one in assessment.episodes
        if one.family is Family.FOLLOW_UP and analyte in (None, one.findings[0].analyte)
    ]


def findings(
    assessment: Assessment, analyte: Analyte | None = None, kind: Kind | None = None
) -> list[Finding]:
    """Every finding of results that are there (see `missed`), of one analyte or kind if given."""
    return [
        finding
        for episode in elevations(assessment)
        for finding in episode.findings
        if analyte in (None, finding.analyte) and kind in (None, finding.kind)
    ]


def reasons(assessment: Assessment, analyte: Analyte | None = None) -> set[str]:
    """The names of every reason found in the results that are there."""
    return {reason.name for finding in findings(assessment, analyte) for reason in finding.reasons}


def only(assessment: Assessment, family: Family) -> Episode:
    """The one episode of a family."""
    (episode,) = (one for one in assessment.episodes if one.family is family)
    return episode


def pregnancy(start: date | None, end: date | None = None) -> Condition:
    """A recorded pregnancy."""
    return Condition((), "Normal pregnancy", start, end, True)


def drug(
    text: str, start: date | None = None, end: date | None = None, *, current: bool = True
) -> Medication:
    """A recorded drug."""
    return Medication((), text, start, end, current)
