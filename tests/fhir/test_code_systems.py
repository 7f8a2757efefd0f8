"""A code is known however the record spells it, or names its system."""

import pytest

from service.clinical.catalogues.conditions import concepts_of
from service.clinical.results import Coding
from service.fhir.code_systems import coding

ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"


@pytest.mark.parametrize("system", [ICD_10_CM, "https://hl7.org/fhir/sid/icd-10-cm", f"{ICD_10_CM}/"])
@pytest.mark.parametrize("code", ["K76.0", "k76.0", "K760", " k760 "])
def test_an_icd_code_is_read_in_any_spelling(system: str, code: str) -> None:
    assert coding(system, code) == Coding(ICD_10_CM, "K76.0")
    assert "fatty-liver" in concepts_of((coding(system, code),), "")


@pytest.mark.parametrize(
    ("oid", "code", "known"),
    [
        ("6.90", "K760", Coding(ICD_10_CM, "K76.0")),
        ("6.3", "K76.0", Coding("http://hl7.org/fhir/sid/icd-10", "K76.0")),
        ("6.96", "197321007", Coding("http://snomed.info/sct", "197321007")),
        ("6.88", "83367", Coding("http://www.nlm.nih.gov/research/umls/rxnorm", "83367")),
        ("6.73", "c10aa05", Coding("http://www.whocc.no/atc", "C10AA05")),
        ("6.1", "1742-6", Coding("http://loinc.org", "1742-6")),
    ],
)
def test_a_system_named_by_its_oid_is_known(oid: str, code: str, known: Coding) -> None:
    assert coding(f"urn:oid:2.16.840.1.113883.{oid}", code) == known


@pytest.mark.parametrize("code", ["E11", "E11.9", "Z99.89", "not a code", "K7600000000"])
def test_what_is_spelt_right_or_not_at_all_stays_as_it_is(code: str) -> None:
    assert coding(ICD_10_CM, code) == Coding(ICD_10_CM, code.upper())


def test_a_code_of_a_system_that_is_not_known_is_left_alone() -> None:
    assert coding("urn:local/", "k760") == Coding("urn:local/", "k760")
    assert coding("", "k760") == Coding("", "k760")
