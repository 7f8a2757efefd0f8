"""The table of conditions: its codes are well formed, say what they are, and do not contradict each other."""

import gzip
import json
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

import service.clinical.catalogues.conditions as module
from service.clinical.catalogues.concepts import Concept
from service.clinical.catalogues.conditions import concepts_of, known_conditions
from service.clinical.results import Coding

SNOMED = "http://snomed.info/sct"
FILE = Path(module.__file__).parent / "conditions.toml"
ALL = known_conditions()
BY_NAME = {concept.name: concept for concept in ALL}
ICD_CODE = re.compile(r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?").fullmatch
A_CODE = re.compile(r'\s+"([0-9A-Z.]+)",\s*(# .+ \((\S+)\)|# .+)?')
DIHEDRAL = [
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
]
TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
CONTRADICTING = [
    {"diabetes-type-1", "diabetes-type-2", "prediabetes"},
    {"diabetes", "prediabetes"},
    {"hepatitis-b-acute", "hepatitis-b-chronic"},
    {"hepatitis-a", "hepatitis-b", "hepatitis-e"},
    {"hypothyroidism", "hyperthyroidism"},
    {"alcoholic-liver-disease", "fatty-liver"},
    {"liver-cancer", "liver-metastases"},
    {"gilbert-syndrome", "haemolysis"},
    {"primary-biliary-cholangitis", "primary-sclerosing-cholangitis", "autoimmune-hepatitis"},
    {"paget-disease-of-bone", "bone-metastases", "osteomalacia", "fracture"},
    {"seizure", "epilepsy"},
]


def name_of(concept: Concept) -> str:
    return concept.name


def has_its_check_digit(code: str) -> bool:
    """Verhoeff's: from the right, each digit turned by its place, the dihedral product is nothing."""
    product = 0
    for place, digit in enumerate(reversed(code)):
        turned = int(digit)
        for _ in range(place % 8):
            turned = TURN[turned]
        product = int(DIHEDRAL[product][turned])
    return product == 0


def codes_with_what_they_imply(name: str) -> set[Coding]:
    """Codes by which `name` is found: its own and those of all that imply it."""
    concept = BY_NAME[name]
    found = {*concept.codes, *concept.prefixes}
    for narrower in ALL:
        if name in narrower.implies:
            found |= codes_with_what_they_imply(narrower.name)
    return found


def test_the_check_digit_is_told_right_from_wrong() -> None:
    assert has_its_check_digit("72892002")
    assert not has_its_check_digit("72892003")
    assert not has_its_check_digit("27892002")


@pytest.mark.parametrize("concept", ALL, ids=name_of)
def test_codes_are_well_formed_and_each_stands_once(concept: Concept) -> None:
    for coding in concept.codes:
        assert coding.system == SNOMED
        assert 6 <= len(coding.code) <= 18
        assert has_its_check_digit(coding.code)
    for system, code in concept.prefixes:
        assert ICD_CODE(code)
        others = [other for other in concept.prefixes if other.system == system and other.code != code]
        assert not any(code.startswith(other.code) for other in others)
    assert len(set(concept.prefixes)) == len(concept.prefixes)


@pytest.mark.parametrize("names", CONTRADICTING, ids=lambda names: " or ".join(sorted(names)))
def test_no_code_says_two_things_that_contradict_each_other(names: set[str]) -> None:
    for coding in set().union(*(codes_with_what_they_imply(name) for name in names)):
        assert len(names & concepts_of((coding,), "")) == 1


def test_every_code_says_what_it_is_and_every_snomed_code_where_that_was_read() -> None:
    text = FILE.read_text(encoding="utf-8")
    sources = set(
        re.findall(
            r"^# ([a-z-]+)  +(?:github|conditions|value sets|examples|cross-reference)", text, re.MULTILINE
        )
    )
    rows = [row for line in text.splitlines() if (row := A_CODE.fullmatch(line))]
    content = tomllib.loads(text)
    assert len(rows) == sum(len(row.get(key, ())) for row in content["concept"] for key in content["systems"])
    for row in rows:
        assert row[2], f"{row[1]} says nothing"
        assert row[3] in sources or not row[1].isdigit(), f"{row[1]} names no source"


def test_what_is_implied_is_itself_a_condition_and_names_are_used_once() -> None:
    assert len(BY_NAME) == len(ALL)
    for concept in ALL:
        assert set(concept.implies) <= set(BY_NAME)
        assert concept.name not in concept.implies


SYNTHEA = {
    "obesity": 30,
    "hyperlipidaemia": 40,
    "hypertriglyceridaemia": 4,
    "prediabetes": 27,
    "diabetes": 14,
    "diabetes-type-2": 13,
    "hypertension": 16,
    "metabolic-syndrome": 4,
    "heart-failure": 22,
    "cardiac-arrest": 3,
    "rheumatoid-arthritis": 2,
    "autoimmune-disease": 2,
    "fracture": 15,
    "bone-disease": 15,
    "burn": 3,
    "trauma": 5,
    "epilepsy": 1,
    "tobacco-use": 3,
}


def test_the_conditions_of_synthea_that_bear_on_the_liver_are_found_and_no_others(shared_data: Path) -> None:
    found: Counter[str] = Counter()
    with gzip.open(shared_data / "synthea.Condition.ndjson.gz") as lines:
        for line in lines:
            concept = json.loads(line)["code"]
            codings = tuple(Coding(one["system"], one["code"]) for one in concept["coding"])
            found.update(concepts_of(codings, concept["text"]))
    assert found == SYNTHEA
