"""What is remembered of routine Observations changes nothing of what they say."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.clinical.analytes import Analyte
from service.clinical.results import ReferenceRange, Sex
from service.fhir import resource, routine
from service.fhir.incoming import Ignored, Incoming, Observed
from service.fhir.origin import Origin
from tests.fhir.arriving import (
    ALT,
    AST,
    BILIRUBIN,
    RULEBOOK,
    UCUM,
    alt,
    coded,
    decoded,
    quantity,
    refused,
    result,
    results,
    without_value,
)

MEMORIES: tuple[dict[Any, Any], ...] = (
    routine._analytes,
    routine._reportings,
    routine._unremarkable,
)


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> Iterator[None]:
    for memory in MEMORIES:
        memory.clear()
    yield
    for memory in MEMORIES:
        memory.clear()


def remembered() -> tuple[int, ...]:
    return tuple(len(memory) for memory in MEMORIES)


def whole(given: dict[str, Any]) -> Incoming:
    """As it is read with nothing remembered and nothing skipped."""
    return resource._whole_observation(json.dumps(given).encode(), Origin("lab", None, RULEBOOK))


_codes = st.sampled_from([coded(ALT), coded(AST), coded(BILIRUBIN), coded("2951-2"), coded(ALT, AST), {}])
_units = st.sampled_from(["U/L", "ukat/L", "mg/dL", "umol/L", "furlong", ""])
_quantities = st.builds(
    lambda value, unit, text, sign: {"value": value, "system": UCUM, "code": unit, "unit": text} | sign,
    st.sampled_from([0, 1, 1.0, 33, 0.5, 40.25, 10**14, "33"]),
    _units,
    _units,
    st.sampled_from([{}, {"comparator": "<"}, {"comparator": "ad"}]),
)
_limits = st.builds(
    lambda low, high, group: {"low": low, "high": high} | group,
    st.none() | _quantities | st.just({"value": 1}),
    _quantities | st.just({"value": 40}),
    st.sampled_from([{}, {"appliesTo": [coded("female")]}, {"type": coded("critical")}, {"text": "men"}]),
)
_extras: dict[str, st.SearchStrategy[Any]] = {
    "referenceRange": st.lists(_limits, max_size=2) | st.sampled_from([None, "x"]),
    "interpretation": st.sampled_from([[coded("H")], [{"text": "haemolysed"}], [], None, "x"]),
    "status": st.sampled_from(["final", "preliminary", "registered", "cancelled", "nonsense", None]),
    "note": st.sampled_from([[{"text": "haemolysed"}], [{"text": "fasting"}], None]),
    "specimen": st.sampled_from([{"reference": "Specimen/1"}, {"display": "haemolysed serum"}]),
    "effectiveDateTime": st.sampled_from(["2024-03", "2024-03-01", "2024-03-01T08:00:00", "soon"]),
    "effectivePeriod": st.just({"end": "2024-03-01"}),
    "subject": st.sampled_from([{"reference": "Group/1"}, {"reference": "Patient/p2"}, {}]),
    "valueString": st.sampled_from(["45", None]),
    "dataAbsentReason": st.sampled_from([coded("unknown"), None]),
    "component": st.just([{"code": coded(AST), "valueQuantity": quantity(30)}]),
    "contained": st.just([{"resourceType": "Specimen", "id": "s", "condition": [coded("HEM")]}]),
    "id": st.sampled_from(["o2", "not an id", None]),
    "meta": st.sampled_from([None, {"versionId": 7}]),
}
_observations = st.builds(
    lambda code, value, extras: alt(code=code, valueQuantity=value) | extras,
    _codes,
    _quantities,
    st.fixed_dictionaries({}, optional=_extras),
)


@given(st.lists(_observations, min_size=1, max_size=4))
@settings(max_examples=400, deadline=None)
def test_the_short_way_and_what_it_remembers_say_the_same_as_the_whole_way(
    observations: list[dict[str, Any]],
) -> None:
    for each in observations * 2:
        short, long = decoded(each), whole(each)
        if isinstance(long.content, Ignored) and short != long:
            # A test not followed, with a mistyped field that the short way has no need to look at.
            short = short._replace(patient=long.patient, patient_identifier=long.patient_identifier)
        assert short == long
        assert short.content == long.content
        if isinstance(long.content, Observed):
            assert [str(one.value) for one in long.content.results] == [
                str(one.value) for one in results(each)
            ]


def test_what_comes_again_is_remembered_once() -> None:
    given = alt(referenceRange=[{"high": quantity(33)}], interpretation=[coded("N")])
    for patient in ("p1", "p2", "p3"):
        assert result(given | {"subject": {"reference": f"Patient/{patient}"}}).value == 61
    assert remembered() == (1, 1, 1)


def test_one_range_for_two_tests_is_read_for_each() -> None:
    """The same bytes: 1 to 2 mg/dL is a range of bilirubin and none of ALT."""
    limits = [{"low": quantity(1, "mg/dL"), "high": quantity(2, "mg/dL")}]
    bilirubin = alt(code=coded(BILIRUBIN), valueQuantity=quantity(1, "mg/dL"), referenceRange=limits)
    for _ in range(2):
        assert result(bilirubin).ranges == (ReferenceRange(Decimal("17.1"), Decimal("34.2")),)
        assert result(alt(referenceRange=limits)).flags == ("unreadable-range",)
        assert result(alt(referenceRange=limits)).analyte is Analyte.ALT


def test_one_range_beside_two_units_is_read_beside_each() -> None:
    limits = [{"high": {"value": 1}}]
    for _ in range(2):
        assert result(alt(referenceRange=limits)).ranges == (ReferenceRange(None, Decimal(1)),)
        in_katal = result(alt(valueQuantity=quantity(1, "ukat/L"), referenceRange=limits))
        assert in_katal.value == 60
        assert in_katal.ranges == (ReferenceRange(None, Decimal(60)),)


def test_ranges_of_women_and_of_men_stay_apart() -> None:
    for _ in range(2):
        for name, sex in (("female", Sex.FEMALE), ("male", Sex.MALE)):
            (read,) = result(alt(referenceRange=[{"high": quantity(33), "appliesTo": [coded(name)]}])).ranges
            assert read.sex is sex


@pytest.mark.parametrize("text", ["1", "1.0", "1.00"])
def test_limits_are_remembered_as_they_were_written(text: str) -> None:
    raw = json.dumps(alt(referenceRange=[{"high": quantity("LIMIT")}])).replace('"LIMIT"', text)
    for _ in range(2):
        content = decoded(raw).content
        assert isinstance(content, Observed)
        assert str(content.results[0].ranges[0].high) == text


def test_what_is_wrong_is_not_remembered() -> None:
    for _ in range(2):
        assert refused(alt(valueQuantity=quantity(61, "furlong")))[0] == "unknown-unit"
        assert refused(alt(code=coded(ALT, AST)))[0] == "conflicting-codes"
        assert refused(alt(interpretation=[{"text": 5}]))[0] == "wrong-type"
        assert refused(alt(referenceRange=[{"low": 5}]))[0] == "wrong-type"
        assert result(alt(code=coded(AST), interpretation=[{"text": "haemolysed"}])).flags == ("haemolysed",)
    assert routine._unremarkable == {}
    assert routine._reportings == {}


def test_no_patient_is_remembered() -> None:
    decoded(alt(id="the-id", subject={"reference": "Patient/somebody", "display": "Some Body"}))
    decoded(without_value(valueString="somebody"))
    kept = repr(MEMORIES)
    assert "1742-6" in kept
    assert "ome" not in kept
    assert "the-id" not in kept


def test_memories_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routine, "MOST", 3)
    for number in range(10):
        given = alt(
            code=coded(ALT) | {"text": f"test {number}"},
            referenceRange=[{"high": quantity(33), "text": f"range {number}"}],
            interpretation=[{"text": f"interpretation {number}"}],
        )
        assert result(given).ranges == (ReferenceRange(None, Decimal(33)),)
        assert max(remembered()) <= 3


def test_what_is_long_is_read_and_not_remembered() -> None:
    long = "x" * routine.LONGEST
    given = alt(
        code=coded(ALT) | {"text": long},
        referenceRange=[{"high": quantity(33), "text": long}],
        interpretation=[{"text": long}],
    )
    assert result(given).ranges == (ReferenceRange(None, Decimal(33)),)
    assert remembered() == (0, 0, 0)
    unit = {"value": 61, "system": UCUM, "code": "U/L", "unit": long}
    assert result(alt(valueQuantity=unit)).value == 61
    assert remembered()[1] == 0
