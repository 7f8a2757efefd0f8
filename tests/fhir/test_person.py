"""What a Patient is called, as its record names it."""

import json
from typing import Any

import pytest

from service.fhir.person import Person, person


@pytest.mark.parametrize(
    ("patient", "name"),
    [
        ({"name": [{"given": ["Ana", "Maria"], "family": "Rivera"}]}, "Ana Maria Rivera"),
        ({"name": [{"use": "old", "text": "Old"}, {"use": "official", "text": "New"}]}, "New"),
        ({"name": [{"given": ["小明"], "family": "王"}]}, "王小明"),
        ({"name": [{"use": "official"}, {"use": "usual", "text": "Ana"}]}, "Ana"),
        ({}, ""),
        ({"name": "Ana"}, ""),
    ],
)
def test_a_name_is_spelt_as_its_language_does(patient: Any, name: str) -> None:
    assert person(json.dumps(patient).encode()).name == name


def test_identifiers_are_named_but_for_old_ones() -> None:
    given = {"identifier": [{"value": "1"}, {"value": "2", "use": "old"}, {"system": "s"}]}
    assert person(json.dumps(given).encode()) == Person("", ("1",))


def test_a_patient_that_came_in_a_bundle_is_its_last_entry() -> None:
    inside = {"entry": [{"resource": {}}, {"resource": {"name": [{"text": "Ana"}]}}]}
    assert person(json.dumps(inside).encode()).name == "Ana"
