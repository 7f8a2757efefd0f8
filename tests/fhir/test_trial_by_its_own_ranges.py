"""Every result of the CDISC pilot by its own range: decoded and judged, and counted from the raw JSON.

The count shares nothing with the service: it reads the JSON with fractions, in the unit that the trial
reported, while the service converts to its canonical unit first. The copy of the trial's data that is read
here carries no `interpretation`, so the flag is counted as the trial defines it: H above the upper limit, L
below the lower one.

No edge differs. A value exactly at a limit is within the range (108 are), one at exactly a multiple has the
lower grade, as CTCAE writes it ("> ULN - 3.0 x ULN"). Three results are reported as "<0.2" with 0.2 as their
lower limit: by the number alone they are within the range, though the true value is below it. For bilirubin
only the upper side counts, where both say the same; the service makes no baseline of them.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from service.clinical.bands import grade
from service.clinical.day_values import DayValue, usable
from service.clinical.limits import LOW_IS_ABNORMAL, LimitFinder
from service.fhir.decode import decode_resource
from service.fhir.incoming import Observed
from service.fhir.strict_json import check_json
from tests.fhir.arriving import RULEBOOK

GRADES = {
    "1742-6": (1, 3, 5, 20),  # ALT
    "1920-8": (1, 3, 5, 20),  # AST
    "6768-6": (1, Fraction(5, 2), 5, 20),  # ALP
    "2324-2": (1, Fraction(5, 2), 5, 20),  # GGT
    "1975-2": (1, Fraction(3, 2), 3, 10),  # total bilirubin
    "2157-6": (1, Fraction(5, 2), 5, 10),  # creatine kinase
}
"""CTCAE v5, from a normal baseline: more than these multiples of the upper limit is grade 1, 2, 3, 4."""
LOW_MATTERS = {"1751-7", "777-3"}
"""Albumin and platelets."""
OTHER = "2160-0"
"""Creatinine, which the service does not read."""


class Counted(NamedTuple):
    """One result as the raw JSON has it."""

    code: str
    flag: str
    grade: int
    at_a_limit: bool
    ours: DayValue


def counted(raw: bytes) -> Counted | None:
    given: dict[str, Any] = json.loads(raw, parse_float=Fraction, parse_int=Fraction)
    code = given["code"]["coding"][0]["code"]
    if code == OTHER:
        return None
    (limits,) = given["referenceRange"]
    quantities = (given["valueQuantity"], limits["low"], limits["high"])
    assert len({quantity["code"] for quantity in quantities}) == 1
    value, low, high = (quantity["value"] for quantity in quantities)
    flag = "H" if value > high else "L" if value < low else "N"
    steps = sum(value > step * high for step in GRADES.get(code, ()))
    return Counted(code, flag, steps, value in (low, high), judged(raw))


def judged(raw: bytes) -> DayValue:
    content = decode_resource(check_json(raw), source="lab", zone=None, rulebook=RULEBOOK).content
    assert isinstance(content, Observed)
    (result,) = content.results
    limit = LimitFinder(RULEBOOK, None, None).find(result, child=False, pregnant=False)
    assert limit is not None
    value = usable(result, result.day.toordinal(), limit)
    assert value is not None
    return value


@pytest.fixture(scope="module")
def trial(shared_data: Path) -> list[Counted]:
    def lines() -> Iterator[bytes]:
        with gzip.open(shared_data / "cdiscpilot.Observation.ndjson.gz") as given:
            yield from (line.strip() for line in given)

    return [one for one in map(counted, lines()) if one is not None]


def test_every_result_is_judged_by_its_own_range_to_the_flag_that_the_raw_numbers_give(
    trial: list[Counted],
) -> None:
    flags = Counter(one.flag for one in trial)
    assert (len(trial), sum(one.at_a_limit for one in trial)) == (7400, 108)
    assert min(flags["H"], flags["L"]) > 50
    for one in trial:
        beyond = "L" if one.code in LOW_MATTERS else "H"
        assert one.ours.elevated is (one.flag == beyond), one
        assert one.ours.source == "laboratory"
        assert (one.ours.analyte in LOW_IS_ABNORMAL) is (one.code in LOW_MATTERS)


def test_every_result_has_the_ctcae_grade_that_the_raw_numbers_give(trial: list[Counted]) -> None:
    graded = [one for one in trial if one.code in GRADES]
    assert {one.grade for one in graded} >= {0, 1, 2, 3}
    for one in graded:
        multiples = RULEBOOK.rules.ctcae[one.ours.analyte]
        assert grade(one.ours.value, one.ours.limit, multiples) == one.grade, one


def test_what_is_reported_as_less_than_the_lower_limit_is_not_elevated_and_no_baseline(
    trial: list[Counted],
) -> None:
    censored = [one for one in trial if not one.ours.exact]
    assert [(one.code, one.flag, one.ours.elevated) for one in censored] == [("1975-2", "N", False)] * 3
