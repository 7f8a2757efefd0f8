"""All causes together: which are there, in which order, and that they rest on what the record holds."""

import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.clinical.analytes import Analyte
from service.clinical.assess import assess
from service.clinical.catalogues.causes import known_causes
from service.clinical.catalogues.conditions import known_conditions
from service.clinical.catalogues.measurements import kinds
from service.clinical.causes.candidates import candidate_causes
from service.clinical.causes.on_record import Course, OnRecord
from service.clinical.causes.cause import Cause, CauseName, Evidence
from service.clinical.readings import Readings
from service.clinical.results import (
    Answer,
    Comparator,
    Condition,
    LabResult,
    Measurement,
    Medication,
    PatientRecord,
    ResultKey,
    Sex,
)
from tests.clinical.causes.weighed import (
    NOW,
    cause,
    causes,
    latest_elevated,
    measured,
    recorded,
    taken,
    told,
    with_context,
    words,
)
from tests.clinical.records import (
    ALP,
    ALT,
    AST,
    DAY_0,
    DBIL,
    GGT,
    RULEBOOK,
    TBIL,
    day_of,
    man,
    multiples,
    result,
)

CK = Analyte.CREATINE_KINASE
RICH = with_context(
    man(
        *(multiples(each, dict.fromkeys(range(0, 300, 60), 3)) for each in (ALT, AST, ALP, GGT, TBIL)),
        *([result(DBIL, 240, 40), result(CK, 240, 90)],),
    ),
    *(measured("bmi", 31), measured("ferritin", 620), measured("transferrin-saturation", 38)),
    *(told("hbsag", "negative"), told("anti-hcv", "positive"), measured("audit-c", 0), told("ana", "1:160")),
    *(
        recorded("Type 2 diabetes mellitus", -900),
        recorded("Essential hypertension"),
        recorded("Cholelithiasis"),
    ),
    *(taken("Simvastatin 20 MG", -700), taken("Amoxicillin / Clavulanate", 230), taken("Silymarin", -3)),
)


def test_every_cause_is_weighed_where_each_can_be() -> None:
    assert {one.name for one in causes(RICH)} == set(CauseName)
    assert [one.name for one in causes(RICH)] != list(CauseName)


def test_those_with_more_for_them_stand_first_and_equals_in_the_order_of_the_specification() -> None:
    found = causes(RICH)
    counts = [len(one.speaks_for) for one in found]
    assert counts == sorted(counts, reverse=True)
    order = list(CauseName)
    for one, other in pairwise(found):
        if len(one.speaks_for) == len(other.speaks_for):
            assert order.index(one.name) < order.index(other.name)


def test_a_bare_record_has_every_cause_with_what_is_unknown() -> None:
    found = causes(man(multiples(ALT, {0: 2}), multiples(AST, {0: 2})))
    assert {one.name for one in found} == set(CauseName) - {CauseName.GILBERT}
    assert all(one.unknown for one in found)


def test_evidence_against_is_told_beside_evidence_for() -> None:
    found = cause(RICH, CauseName.HAEMOCHROMATOSIS)
    assert "Ferritin 620" in words(found.speaks_for)
    assert "Transferrin saturation 38" in words(found.speaks_against)


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_the_record_does_not_matter(seed: int) -> None:
    shuffle = random.Random(seed)

    other = replace(
        RICH,
        results=shuffle.sample(RICH.results, len(RICH.results)),
        conditions=shuffle.sample(RICH.conditions, len(RICH.conditions)),
        medications=shuffle.sample(RICH.medications, len(RICH.medications)),
        measurements=shuffle.sample(RICH.measurements, len(RICH.measurements)),
    )
    assert causes(other) == causes(RICH)


def evidence_of(found: Cause) -> tuple[Evidence, ...]:
    return (*found.speaks_for, *found.speaks_against, *found.unknown, *found.notes)


def keys_of(record: PatientRecord) -> set[ResultKey]:
    return {one.key for one in record.results} | {one.key for one in record.measurements}


def rests_on_the_record(found: Cause, record: PatientRecord) -> None:
    keys = keys_of(record)
    references = {one.reference for one in record.conditions} | {one.reference for one in record.medications}
    for evidence in evidence_of(found):
        assert evidence.words[:1].strip()
        assert keys.issuperset(evidence.results)
        assert references.issuperset(evidence.resources)
    for evidence in found.speaks_for:
        assert evidence.results or evidence.resources


def test_what_is_said_rests_on_results_and_resources_of_the_record() -> None:
    for found in causes(RICH):
        rests_on_the_record(found, RICH)


def test_dates_at_the_beginning_of_the_calendar_are_dates_like_others() -> None:
    start = date.min
    record = with_context(
        man(multiples(ALT, {start: 3}), multiples(AST, {start: 30})),
        *(measured("ferritin", 620, start), told("hbsag", "negative", start), told("hav-igm", "no", start)),
        *(recorded("Septic shock", start), taken("Isoniazid", start), taken("Silymarin", start, start)),
    )
    assert "Ferritin 620" in words(cause(record, CauseName.HAEMOCHROMATOSIS).speaks_for)


days = st.integers(-800, 800).map(day_of)
maybe_days = st.none() | days
numbers = st.decimals(0, 3000, places=1)
condition_names = sorted({each.name.replace("-", " ") for each in known_conditions()})
conditions = st.builds(
    Condition,
    codings=st.just(()),
    text=st.sampled_from([*condition_names, "", "Family history of hepatitis c", "x" * 300]),
    start=maybe_days,
    end=maybe_days,
    active=st.booleans(),
    reference=st.integers(0, 99).map("Condition/{}".format),
)
medications = st.builds(
    Medication,
    codings=st.just(()),
    text=st.sampled_from(["isoniazid", "paracetamol", "simvastatin", "silymarin", "lisinopril", "kava", ""]),
    start=maybe_days,
    end=maybe_days,
    current=st.booleans(),
    reference=st.integers(0, 99).map("MedicationRequest/{}".format),
)
measurements = st.builds(
    Measurement,
    key=st.integers(0, 10**9).map(lambda each: ResultKey("lab", f"m{each}")),
    what=st.sampled_from(sorted(kinds())),
    day=days,
    value=st.none() | numbers,
    comparator=st.sampled_from(Comparator),
    low=st.none() | numbers,
    high=st.none() | numbers,
    answer=st.none() | st.sampled_from(Answer),
    text=st.sampled_from(["", "1:80", "<1:40", "PiMZ", "Former smoker", "see comment"]),
)


@st.composite
def lab_results(draw: st.DrawFn) -> LabResult:
    analyte = draw(st.sampled_from([ALT, AST, ALP, GGT, TBIL, DBIL, CK, Analyte.PLATELETS]))
    value = draw(st.decimals(Decimal("0.1"), 5000, places=1))
    comparator = draw(st.sampled_from(["", "", "", "<", ">", ">="]))
    return result(analyte, draw(st.integers(0, 500)), value, comparator=comparator)


records = st.builds(
    PatientRecord,
    results=st.lists(lab_results(), min_size=1, max_size=20),
    sex=st.none() | st.sampled_from(Sex),
    birth_date=st.none() | st.integers(0, 30_000).map(lambda each: DAY_0 - timedelta(days=each)),
    conditions=st.lists(conditions, max_size=6),
    medications=st.lists(medications, max_size=6),
    measurements=st.lists(measurements, max_size=12, unique_by=lambda each: each.key),
)


@given(records, st.randoms(use_true_random=False))
def test_any_record_has_causes_that_rest_on_it_whatever_its_order(
    record: PatientRecord, shuffle: random.Random
) -> None:
    turned = replace(
        record,
        conditions=shuffle.sample(record.conditions, len(record.conditions)),
        medications=shuffle.sample(record.medications, len(record.medications)),
        measurements=shuffle.sample(record.measurements, len(record.measurements)),
    )
    for episode in assess(record, RULEBOOK, NOW).episodes:
        course = Course.of(episode, latest_elevated(record, episode.evidence))
        found = candidate_causes(OnRecord(Readings(record, RULEBOOK, NOW), course))
        assert found == candidate_causes(OnRecord(Readings(turned, RULEBOOK, NOW), course))
        assert len({one.name for one in found}) == len(found) >= len(CauseName) - 3
        for one in found:
            for evidence in evidence_of(one):
                assert evidence.words[:1].strip()
                assert keys_of(record).issuperset(evidence.results)
        assert {one.name for one in found} <= set(known_causes())
