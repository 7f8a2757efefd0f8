"""The whole road of a laboratory's range that cannot be meant: decoded as it arrives, and judged."""

from datetime import date, timedelta
from typing import Any

import pytest

from service.clinical.day_values import usable
from service.clinical.episodes import Assessment, Kind
from service.clinical.limits import RULEBOOK_IMPLAUSIBLE, RULEBOOK_SEX_UNKNOWN_IMPLAUSIBLE, LimitFinder
from service.clinical.remarks import LIMIT_IMPLAUSIBLE
from service.clinical.results import LabResult, PatientRecord, Sex
from tests.clinical.records import RULEBOOK, elevations, findings, judged, reasons
from tests.fhir.arriving import ALP, ALT, AST, BILIRUBIN, alt, coded, quantity, result

GGT, DIRECT_BILIRUBIN = "2324-2", "1968-7"
TRENDED = [
    (ALT, 40, "U/L"),
    (AST, 40, "U/L"),
    (ALP, 130, "U/L"),
    (GGT, 55, "U/L"),
    (BILIRUBIN, 1.2, "mg/dL"),
]
"""Codes with an upper limit such as laboratories state."""
ADULTS = [Sex.MALE, Sex.FEMALE, None]
NEWBORN = date(2024, 2, 27)


def measured(
    code: str, value: object, unit: str, high: dict[str, Any], day: int = 0, **more: Any
) -> LabResult:
    return result(
        alt(
            id=f"o{day}",
            code=coded(code),
            effectiveDateTime=f"{date(2024, 3, 1) + timedelta(day)}T08:00:00Z",
            valueQuantity=quantity(value, unit),
            referenceRange=[{"high": high, **more}],
        )
    )


def of(*results: LabResult, sex: Sex | None = Sex.MALE, born: date | None = date(1970, 5, 1)) -> Assessment:
    return judged(PatientRecord(results, sex, born))


def notes(assessment: Assessment) -> set[str]:
    return {note for episode in elevations(assessment) for note in episode.notes}


@pytest.mark.parametrize("sex", ADULTS)
@pytest.mark.parametrize(("code", "high", "unit"), TRENDED)
def test_a_limit_that_lost_its_decimal_point_hides_no_rise_and_the_alert_says_so(
    code: str, high: float, unit: str, sex: Sex | None
) -> None:
    slip = quantity(10 * high, unit)
    found = of(*(measured(code, 3 * high, unit, slip, day) for day in (0, 100, 200)), sex=sex)
    assert findings(found, kind=Kind.PERSISTENT)
    assert LIMIT_IMPLAUSIBLE in notes(found)


@pytest.mark.parametrize("sex", ADULTS)
@pytest.mark.parametrize(("code", "high", "unit"), [*TRENDED, (DIRECT_BILIRUBIN, 0.3, "mg/dL")])
@pytest.mark.parametrize("slip", [10, 0.1])
def test_a_decimal_point_in_the_wrong_place_leaves_normal_normal_and_raised_raised(
    code: str, high: float, unit: str, slip: float, sex: Sex | None
) -> None:
    finder = LimitFinder(RULEBOOK, sex, None)
    for times, elevated in ((0.4, False), (2, True)):
        one = measured(code, times * high, unit, quantity(slip * high, unit))
        limit = finder.find(one, child=False, pregnant=False)
        assert limit is not None
        assert limit.source in (RULEBOOK_IMPLAUSIBLE, RULEBOOK_SEX_UNKNOWN_IMPLAUSIBLE)
        value = usable(one, one.day.toordinal(), limit)
        assert value is not None
        assert value.elevated is elevated


@pytest.mark.parametrize(
    ("code", "value", "unit", "high"),
    [
        (ALT, 30, "U/L", 0.75),  # ukat/L
        (BILIRUBIN, 15, "umol/L", 1.2),  # mg/dL
    ],
)
def test_a_range_in_another_unit_makes_no_normal_value_urgent(
    code: str, value: float, unit: str, high: float
) -> None:
    assert elevations(of(measured(code, value, unit, {"value": high}))) == []


@pytest.mark.parametrize(
    ("code", "value", "unit", "high"),
    [
        (ALT, 10, "ukat/L", 45),  # U/L
        (BILIRUBIN, 6, "mg/dL", 20),  # umol/L
    ],
)
def test_a_range_in_another_unit_hides_no_urgent_value(
    code: str, value: float, unit: str, high: float
) -> None:
    found = of(measured(code, value, unit, {"value": high}))
    assert reasons(found) & {"severe-elevation", "jaundice"}
    assert LIMIT_IMPLAUSIBLE in notes(found)


@pytest.mark.parametrize("ages", [{}, {"age": {"high": quantity(7, "d")}}])
@pytest.mark.parametrize("high", [205.2, 273.6])
def test_a_newborns_own_range_is_believed_also_before_term(high: float, ages: dict[str, Any]) -> None:
    own = quantity(high, "umol/L")
    assert elevations(of(measured(BILIRUBIN, 200, "umol/L", own, **ages), born=NEWBORN)) == []
    raised = of(measured(BILIRUBIN, 300, "umol/L", own, **ages), born=NEWBORN)
    assert elevations(raised)
    assert LIMIT_IMPLAUSIBLE not in notes(raised)


def test_whose_birth_date_is_not_known_is_read_as_an_adult_here_too() -> None:
    found = of(measured(BILIRUBIN, 200, "umol/L", quantity(273.6, "umol/L")), born=None)
    assert "jaundice" in reasons(found)
    assert LIMIT_IMPLAUSIBLE in notes(found)


@pytest.mark.parametrize("high", [0, -5])
def test_a_limit_of_zero_or_less_is_no_range_and_the_rulebooks_holds(high: int) -> None:
    values = [measured(ALT, 90, "U/L", quantity(high), day) for day in (0, 100, 200)]
    assert {each.flags for each in values} == {("unreadable-range",)}
    found = of(*values)
    assert findings(found, kind=Kind.PERSISTENT)
    (episode,) = elevations(found)
    assert {level.limit_source for level in episode.latest} == {"rulebook"}
    assert LIMIT_IMPLAUSIBLE not in episode.notes
