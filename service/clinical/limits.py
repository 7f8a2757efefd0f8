"""Which limit of normal holds for a result, and where it came from (the laboratory or the rulebook)."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from service.clinical.analytes import Analyte
from service.clinical.months import age_in_years
from service.clinical.results import LabResult, ReferenceRange, Sex
from service.clinical.rulebook import Rulebook
from service.clinical.thresholds import UlnPolicy

LABORATORY = "laboratory"
RULEBOOK = "rulebook"
RULEBOOK_SEX_UNKNOWN = "rulebook (sex unknown)"

LOW_IS_ABNORMAL = frozenset({Analyte.ALBUMIN, Analyte.PLATELETS})
"""The analytes whose lower limit counts."""
_OLDEST = Decimal(200)


class Limit(NamedTuple):
    """A limit of normal in the canonical unit: the upper one, for albumin and platelets the lower one."""

    value: Decimal
    source: str
    """LABORATORY, RULEBOOK or RULEBOOK_SEX_UNKNOWN."""


class Person(NamedTuple):
    """What of a patient, on one day, decides which limits hold."""

    sex: Sex | None
    age: Decimal | None
    """Years, with the part of the running year; None when the birth date is not known."""
    child: bool = False
    """Known to be under the rulebook's adult age."""
    pregnant: bool = False


def limit_of(
    analyte: Analyte, ranges: Iterable[ReferenceRange], person: Person, rulebook: Rulebook
) -> Limit | None:
    """The limit of normal for one result, by the rulebook's policy; None where none may be used.

    None: prothrombin, and the ALP of a child or in pregnancy without the laboratory's own fitting range.
    """
    own = _laboratory_limit(analyte, ranges, person)
    if analyte is Analyte.ALP and (person.child or person.pregnant):
        return own
    policy = rulebook.uln_policy
    if policy is UlnPolicy.LAB and own is not None:
        return own
    ours = _rulebook_limit(analyte, person, rulebook)
    if policy is UlnPolicy.GUIDELINE or own is None or ours is None:
        return ours if policy is UlnPolicy.GUIDELINE or own is None else own
    if analyte in LOW_IS_ABNORMAL:
        return own if own.value >= ours.value else ours
    return own if own.value <= ours.value else ours


def _laboratory_limit(analyte: Analyte, ranges: Iterable[ReferenceRange], person: Person) -> Limit | None:
    """The most specific fitting range: for the sex before for all, then narrower in age, then stricter."""
    low = analyte in LOW_IS_ABNORMAL
    best: tuple[bool, bool, Decimal, Decimal] | None = None
    found: Decimal | None = None
    for given in ranges:
        limit = given.low if low else given.high
        if limit is None or limit <= 0 or given.other_population:
            continue
        if given.sex is not None and given.sex is not person.sex:
            continue
        by_age = given.age_low is not None or given.age_high is not None
        if by_age and not _fits_age(given, person.age):
            continue
        width = (given.age_high or _OLDEST) - (given.age_low or 0)
        rank = (
            given.sex is None,
            by_age and not _fits_exactly(given, person.age),
            width,
            -limit if low else limit,
        )
        if best is None or rank < best:
            best, found = rank, limit
    return None if found is None else Limit(found, LABORATORY)


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
        by_age = any(given.age_low is not None or given.age_high is not None for given in ranges)
        age = None
        if by_age and self._birth_date is not None:
            age = age_in_years(self._birth_date, result.day)
        person = Person(self._sex, age, child, pregnant)
        found = limit_of(result.analyte, ranges, person, self._rulebook)
        if not by_age:
            self._last[case] = (ranges, found)
        return found
