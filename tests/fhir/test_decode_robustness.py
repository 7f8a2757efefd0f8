"""Whatever arrives: an answer, or one of two refusals. Never anything else."""

import copy
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import InvalidResource, MalformedInput
from service.fhir.bundles import decode_bundle
from service.fhir.decode import decode_resource
from service.fhir.incoming import Incoming, Observed, Unusable
from service.fhir.strict_json import check_json
from tests.fhir.arriving import ALT, AST, RULEBOOK, alt, coded, quantity

_whole = alt(
    note=[{"text": "haemolysed"}],
    interpretation=[coded("H")],
    referenceRange=[{"low": quantity(1), "high": quantity(40), "appliesTo": [coded("female")],
                     "age": {"low": quantity(18, "a")}}],
    component=[{"code": coded(AST), "valueQuantity": quantity(30)}],
    contained=[{"resourceType": "Observation", "id": "c", "code": coded(ALT), "valueString": "<5"},
               {"resourceType": "Patient", "id": "p", "identifier": [{"system": "s", "value": "v"}]}],
    specimen={"reference": "#c"},
    effectivePeriod={"start": "2024-01-01", "end": "2024-01-02"},
    issued="2024-03-01T10:00:00Z",
    dataAbsentReason=None,
    hasMember=[{"reference": "Observation/2"}],
)  # fmt: skip
_patient = {
    "resourceType": "Patient",
    "id": "p",
    "gender": "male",
    "birthDate": "1950",
    "deceasedDateTime": "2020",
    "link": [{"type": "replaced-by", "other": {"reference": "Patient/2"}}],
    "identifier": [{"system": "s", "value": "v"}],
}
_condition = {
    "resourceType": "Condition",
    "id": "c",
    "code": coded("1"),
    "clinicalStatus": coded("active"),
    "verificationStatus": coded("confirmed"),
    "subject": {"reference": "Patient/p"},
    "onsetDateTime": "2020",
    "abatementPeriod": {"end": "2021"},
    "recordedDate": "2020-01-01",
}
_order = {
    "resourceType": "MedicationRequest",
    "id": "m",
    "status": "active",
    "intent": "order",
    "authoredOn": "2020",
    "medicationReference": {"reference": "#d"},
    "subject": {"identifier": {"system": "s", "value": "v"}},
    "contained": [{"resourceType": "Medication", "id": "d", "code": coded("1")}],
    "dosageInstruction": [{"timing": {"repeat": {"boundsDuration": quantity(3, "wk")}}}],
    "dispenseRequest": {"validityPeriod": {"start": "2020", "end": "2021"}},
}
_bundle = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {"fullUrl": "urn:uuid:1", "resource": _patient, "request": {"method": "PUT", "url": "Patient/p"}},
        {
            "resource": _whole,
            "request": {"method": "POST", "url": "Observation"},
            "search": {"mode": "match"},
        },
        {"request": {"method": "DELETE", "url": "Observation/9"}},
    ],
}

_junk = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8), st.sampled_from(["final", "<5", "#c", "urn:uuid:1", "2024", "U/L", "1e400"]),
    st.just([]), st.just({}), st.just([{}]), st.just([None]), st.lists(st.integers(), max_size=2),
)  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        found += _places(inner, (*path, step))
    return found


@st.composite
def mutated(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """The resource with up to three places replaced by junk or taken away."""
    result: dict[str, Any] = json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, 3))):
        places = _places(result)
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        holder: Any = result
        for step in way:
            holder = holder[step]
        if draw(st.booleans()):
            holder[last] = copy.deepcopy(draw(_junk))
        else:
            del holder[last]
    return result


def read(raw: bytes) -> Incoming | None:
    try:
        return decode_resource(check_json(raw), source="lab", zone=None, rulebook=RULEBOOK)
    except (MalformedInput, InvalidResource):
        return None


def _is_sound(incoming: Incoming) -> None:
    if isinstance(incoming.content, Unusable):
        assert incoming.content.reason
        assert incoming.content.where.startswith(incoming.type)
    if not isinstance(incoming.content, Observed):
        return
    assert incoming.id
    assert incoming.patient or incoming.patient_identifier
    keys = [result.key for result in incoming.content.results]
    assert len(keys) == len(set(keys))
    for result in incoming.content.results:
        assert isinstance(result.value, Decimal)
        assert result.value > 0
        assert isinstance(result.effective, datetime)
        assert result.effective.tzinfo is not None
        assert type(result.day) is date
        assert all(limit.high is None or limit.high > 0 for limit in result.ranges)


@given(st.sampled_from([_whole, _patient, _condition, _order]).flatmap(mutated))
@settings(max_examples=600)
def test_any_mutation_of_a_valid_resource_has_an_answer(resource: dict[str, Any]) -> None:
    incoming = read(json.dumps(resource).encode())
    if incoming is not None:
        _is_sound(incoming)


@given(st.sampled_from([_whole, _patient, _order]), st.data())
@settings(max_examples=400)
def test_any_mutation_of_its_bytes_has_an_answer(resource: dict[str, Any], data: st.DataObject) -> None:
    raw = bytearray(json.dumps(resource).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    incoming = read(bytes(raw))
    if incoming is not None:
        _is_sound(incoming)


@given(st.binary(max_size=60) | st.text('{}[]":,\\0u1e-.tfn', max_size=30).map(str.encode))
def test_any_bytes_have_an_answer(raw: bytes) -> None:
    read(raw)


@given(mutated(_bundle))
@settings(max_examples=400)
def test_any_mutation_of_a_bundle_has_an_answer(bundle: dict[str, Any]) -> None:
    raw = json.dumps(bundle).encode()
    try:
        taken = decode_bundle(check_json(raw), source="lab", zone=None, rulebook=RULEBOOK)
    except (MalformedInput, InvalidResource):
        return
    for incoming in taken:
        again = decode_resource(incoming.raw, source="lab", zone=None, rulebook=RULEBOOK)
        if isinstance(incoming.content, Unusable):
            assert isinstance(again.content, Unusable)
            assert again.content.reason == incoming.content.reason
        else:
            assert again == incoming
        if isinstance(incoming.content, Observed):
            _is_sound(incoming)


@given(mutated(_whole))
@settings(max_examples=200)
def test_what_it_says_does_not_depend_on_layout(resource: dict[str, Any]) -> None:
    one = read(json.dumps(resource).encode())
    other = read(
        json.dumps(dict(reversed(resource.items())), indent=3, ensure_ascii=False).encode("utf-8", "replace")
    )
    if one is None or other is None:
        return
    if isinstance(one.content, Unusable):  # of several defects, which is told first may differ
        assert isinstance(other.content, Unusable)
    else:
        assert one._replace(raw=b"") == other._replace(raw=b"")
