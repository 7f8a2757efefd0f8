"""The published data sets give the counts they were examined for, by policy `lab`."""

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from service.clinical.analytes import CODES
from service.clinical.assess import assess
from service.clinical.episodes import Assessment, Kind
from service.clinical.results import Comparator, LabResult, PatientRecord, ReferenceRange, ResultKey, Sex
from service.clinical.units import to_canonical
from tests.clinical.records import RULEBOOK, findings

DATA = Path(
    os.environ.get("LIVERWATCH_SHARED_DATA") or Path(__file__).resolve().parents[2].parent / "shared" / "data"
)
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the public data sets are not at {DATA}")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def resources(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.ndjson.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line, parse_float=Decimal, parse_int=Decimal)


def first_day(text: str | None) -> date | None:
    if not text:
        return None
    year, month, day = ([int(part) for part in text[:10].split("-")] + [1, 1])[:3]
    return date(year, month, day)


def lab_result(source: str, observation: dict[str, Any]) -> LabResult | None:
    analyte = CODES.get(observation["code"]["coding"][0]["code"])
    if analyte is None:
        return None
    effective = observation["effectiveDateTime"]
    day = date.fromisoformat(effective[:10])
    quantity = observation["valueQuantity"]
    sides = (
        [to_canonical(analyte, given[side]["value"], given[side]["code"]) for side in ("low", "high")]
        for given in observation.get("referenceRange", [])
    )
    return LabResult(
        key=ResultKey(source, observation["id"]),
        analyte=analyte,
        effective=datetime.fromisoformat(effective if "T" in effective else f"{effective}T00:00:00+00:00"),
        day=day,
        value=to_canonical(analyte, quantity["value"], quantity["code"]),
        comparator=Comparator(quantity.get("comparator", "")),
        ranges=tuple(ReferenceRange(low, high) for low, high in sides),
    )


@lru_cache(maxsize=3)
def assessments(source: str) -> dict[str, Assessment]:
    """Every patient's assessment, by reference."""
    results: dict[str, list[LabResult]] = {}
    for observation in resources(f"{source}.Observation"):
        one = lab_result(source, observation)
        if one is not None:
            results.setdefault(observation["subject"]["reference"], []).append(one)
    people = {f"Patient/{one['id']}": one for one in resources(f"{source}.Patient")}
    return {
        reference: assess(
            PatientRecord(
                found,
                Sex(people[reference]["gender"]),
                first_day(people[reference].get("birthDate")),
            ),
            RULEBOOK,
            NOW,
        )
        for reference, found in results.items()
    }


def patients_with(source: str, kind: Kind, *names: str) -> Counter[str]:
    """Patients by analyte who ever had a finding of `kind`, for one of the reasons if any is named."""
    counted: Counter[str] = Counter()
    for assessment in assessments(source).values():
        counted.update(
            {
                finding.analyte.value
                for finding in findings(assessment, kind=kind)
                if not names or any(reason.name in names for reason in finding.reasons)
            }
        )
    return counted


def patients_with_reason(source: str, name: str) -> int:
    return sum(
        any(reason.name == name for finding in findings(one) for reason in finding.reasons)
        for one in assessments(source).values()
    )


@pytest.mark.parametrize(
    ("source", "persistent"),
    [
        ("cdiscpilot", {"ALP": 2, "GGT": 1}),
        ("pbcseq", {"ALP": 138, "AST": 135, "TBIL": 105}),
        ("synthea", {"ALT": 34, "ALP": 8}),
    ],
)
def test_patients_with_a_persistent_elevation(source: str, persistent: dict[str, int]) -> None:
    assert patients_with(source, Kind.PERSISTENT) == persistent


@pytest.mark.parametrize(
    ("source", "analyte", "count"),
    [("cdiscpilot", "ALT", 3), ("cdiscpilot", "AST", 2), ("pbcseq", "AST", 53), ("synthea", "ALT", 19)],
)
def test_patients_worsening_by_fold_rise_or_band_step(source: str, analyte: str, count: int) -> None:
    assert patients_with(source, Kind.WORSENING, "fold-rise", "band-step")[analyte] == count


@pytest.mark.parametrize(
    ("source", "moderate"), [("cdiscpilot", {}), ("pbcseq", {"AST": 12}), ("synthea", {})]
)
def test_patients_with_a_first_moderate_elevation_that_nothing_else_tells_of(
    source: str, moderate: dict[str, int]
) -> None:
    assert patients_with(source, Kind.NEW_MODERATE) == moderate


@pytest.mark.parametrize(
    ("name", "count"),
    [("cholestatic-jaundice", 98), ("possible-hys-law", 23), ("severe-elevation", 3), ("hys-law", 0)],
)
def test_patients_of_the_pbc_study_with_urgent_findings(name: str, count: int) -> None:
    assert patients_with_reason("pbcseq", name) == count


def test_the_trial_patient_with_jaundice_is_cholestatic_and_not_hys_law() -> None:
    assessment = assessments("cdiscpilot")["Patient/cdisc-01-705-1186"]
    names = {reason.name for finding in findings(assessment, kind=Kind.URGENT) for reason in finding.reasons}
    assert names == {"cholestatic-jaundice"}
    (finding,) = findings(assessment, kind=Kind.URGENT)
    assert finding.reasons[0].met == date(2014, 1, 23)
