"""Which limit of normal holds for a result, and where it came from (the laboratory or the rulebook)."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from service.clinical.analytes import Analyte
from service.clinical.months import age_in_years
from service.clinical.remarks import LIMIT_IMPLAUSIBLE, SEX_UNKNOWN
from service.clinical.results import LabResult, ReferenceRange, Sex
from service.clinical.rulebook import Rulebook
from service.clinical.thresholds import UlnPolicy

LABORATORY = "laboratory"
RULEBOOK = "rulebook"
RULEBOOK_SEX_UNKNOWN = "rulebook (sex unknown)"
RULEBOOK_IMPLAUSIBLE = "rulebook (the laboratory's is implausible)"
RULEBOOK_SEX_UNKNOWN_IMPLAUSIBLE = "rulebook (sex unknown; the laboratory's is implausible)"
_IMPLAUSIBLE = {
    RULEBOOK: RULEBOOK_IMPLAUSIBLE,
    RULEBOOK_SEX_UNKNOWN: RULEBOOK_SEX_UNKNOWN_IMPLAUSIBLE,
}
_NOTES = {
    RULEBOOK_SEX_UNKNOWN: (SEX_UNKNOWN,),
    RULEBOOK_IMPLAUSIBLE: (LIMIT_IMPLAUSIBLE,),
    RULEBOOK_SEX_UNKNOWN_IMPLAUSIBLE: (SEX_UNKNOWN, LIMIT_IMPLAUSIBLE),
}

LOW_IS_ABNORMAL = frozenset({Analyte.ALBUMIN, Analyte.PLATELETS})
"""The analytes whose lower limit counts."""
_OLDEST = Decimal(200)


class Limit(NamedTuple):
    """A limit of normal in the canonical unit: the upper one, for albumin and platelets the lower one."""

    value: Decimal
    source: str
    """LABORATORY, or RULEBOOK and its like, which say what was not known or not believed."""


class Person(NamedTuple):
    """What of a patient, on one day, decides which limits hold."""

    sex: Sex | None
    age: Decimal | None
    """Years, with the part of the running year; None when the birth date is not known."""
    child: bool = False
    """Known to be under the rulebook's adult age."""
    pregnant: bool = False


class _Believed(NamedTuple):
    """Upper limits in the canonical unit, both included."""

    at_least: Decimal
    at_most: Decimal


def limit_of(
    analyte: Analyte, ranges: Iterable[ReferenceRange], person: Person, rulebook: Rulebook
) -> Limit | None:
    """The limit of normal for one result, by the rulebook's policy; None where none may be used.

    None: prothrombin, and the ALP of a child or in pregnancy without the laboratory's own fitting range. An
    adult's upper limit far from the rulebook's is not believed: the next best range that fits holds, else the
    rulebook's, and its source says so.
    """
    ours = _rulebook_limit(analyte, person, rulebook)
    own, doubted = _laboratory_limit(analyte, ranges, person, _believed(analyte, ours, person, rulebook))
    if analyte is Analyte.ALP and (person.child or person.pregnant):
        return own
    policy = rulebook.uln_policy
    if policy is UlnPolicy.GUIDELINE:
        return ours
    if own is None:
        return ours._replace(source=_IMPLAUSIBLE[ours.source]) if ours and doubted else ours
    if policy is UlnPolicy.LAB or ours is None:
        return own
    if analyte in LOW_IS_ABNORMAL:
        return own if own.value >= ours.value else ours
    return own if own.value <= ours.value else ours


def notes_on(source: str) -> tuple[str, ...]:
    """What is said beside an alert that rests on a limit from there."""
    return _NOTES.get(source, ())


def _believed(analyte: Analyte, ours: Limit | None, person: Person, rulebook: Rulebook) -> _Believed | None:
    """Which upper limits of the laboratory are; None: any, as a child's, since those change much with age."""
    if ours is None or person.child or analyte in LOW_IS_ABNORMAL:
        return None
    limits = rulebook.rules.limits
    return _Believed(ours.value * limits.laboratory_at_least, ours.value * limits.laboratory_at_most)


def _laboratory_limit(
    analyte: Analyte, ranges: Iterable[ReferenceRange], person: Person, believed: _Believed | None
) -> tuple[Limit | None, bool]:
    """The most specific fitting range: for the sex before for all, then narrower in age, then stricter.

    Returns:
        Its limit, and whether one that fits was not believed.
    """
    low = analyte in LOW_IS_ABNORMAL
    best: tuple[bool, bool, Decimal, Decimal] | None = None
    found: Decimal | None = None
    doubted = False
    for given in ranges:
        limit = given.low if low else given.high
        if limit is None or limit <= 0 or given.other_population or not _fits(given, person):
            continue
        if believed is not None and not believed.at_least <= limit <= believed.at_most:
            doubted = True
            continue
        by_age = _is_by_age(given)
        width = (given.age_high or _OLDEST) - (given.age_low or 0)
        rank = (
            given.sex is None,
            by_age and not _fits_exactly(given, person.age),
            width,
            -limit if low else limit,
        )
        if best is None or rank < best:
            best, found = rank, limit
    return None if found is None else Limit(found, LABORATORY), doubted


def _is_by_age(given: ReferenceRange) -> bool:
    return given.age_low is not None or given.age_high is not None


def _fits(given: ReferenceRange, person: Person) -> bool:
    if given.sex is not None and given.sex is not person.sex:
        return False
    return not _is_by_age(given) or _fits_age(given, person.age)


def _fits_age(given: ReferenceRange, age: Decimal | None) -> bool:
    """Age limits are inclusive, and `to 17 years` holds until the eighteenth birthday."""
    if age is None or (given.age_low is not None and age < given.age_low):
        return False
    return given.age_high is None or age <= given.age_high or int(age) <= given.age_high


def _fits_exactly(given: ReferenceRange, age: Decimal | None) -> bool:
    return age is not None and (given.age_high is None or age <= given.age_high)


def _rulebook_limit(analyte: Analyte, person: Person, rulebook: Rulebook) -> Limit | None:
    limits = rulebook.rules.limits
    if analyte in limits.lower:
        return Limit(limits.lower[analyte], RULEBOOK)
    child = limits.upper_child.get(analyte) if person.child else None
    if child is not None:
        return _by_sex(child.boys, child.girls, person.sex)
    adult = limits.upper.get(analyte)
    return None if adult is None else _by_sex(adult.men, adult.women, person.sex)


def _by_sex(male: Decimal, female: Decimal, sex: Sex | None) -> Limit:
    if sex is None and male != female:
        return Limit(min(male, female), RULEBOOK_SEX_UNKNOWN)
    return Limit(male if sex is Sex.MALE else female, RULEBOOK)


class LimitFinder:
    """:func:`limit_of` for one patient's walk, remembering the last answer of each analyte."""

    def __init__(self, rulebook: Rulebook, sex: Sex | None, birth_date: date | None) -> None:
        self._rulebook = rulebook
        self._sex = sex
        self._birth_date = birth_date
        self._last: dict[tuple[Analyte, bool, bool], tuple[tuple[ReferenceRange, ...], Limit | None]] = {}

    def find(self, result: LabResult, *, child: bool, pregnant: bool) -> Limit | None:
        """The limit for `result`, as :func:`limit_of`."""
        ranges = result.ranges
        case = (result.analyte, child, pregnant)
        last = self._last.get(case)
        if last is not None and (last[0] is ranges or last[0] == ranges):
            return last[1]
        by_age = any(map(_is_by_age, ranges))
        age = None
        if by_age and self._birth_date is not None:
            age = age_in_years(self._birth_date, result.day)
        person = Person(self._sex, age, child, pregnant)
        found = limit_of(result.analyte, ranges, person, self._rulebook)
        if not by_age:
            self._last[case] = (ranges, found)
        return found
