"""Names out of a Patient: as a person reads them, whatever is sent."""

from typing import Any

import pytest

from service.fhir.human_name import LONGEST, MOST, names_in


def test_the_name_in_use_comes_first_and_old_ones_can_still_be_found() -> None:
    given = [
        {"use": "old", "family": "Meyer", "given": ["Ana"]},
        {"family": "Chalmers", "given": ["Ana", "María"]},
        {"use": "official", "family": "Chalmers-Meyer", "given": ["Ana"]},
    ]
    assert names_in(given) == ("Chalmers-Meyer, Ana", "Chalmers, Ana María", "Meyer, Ana")


def test_a_name_in_one_text_and_a_name_of_one_part_are_read() -> None:
    assert names_in([{"text": " 王 小明 "}, {"given": ["Cher"]}]) == ("王 小明", "Cher")


@pytest.mark.parametrize(
    "given",
    [None, "Ada", 7, {}, [None], [{}], [{"family": 3, "given": "Ada", "use": []}], [{"given": [None, 4]}]],
)
def test_what_is_no_name_is_left_out_and_harms_nothing(given: Any) -> None:
    assert names_in(given) == ()


def test_names_are_one_printable_line_and_bounded_in_length_and_number() -> None:
    (name,) = names_in([{"family": "A\u202eb\n\x00c"}])
    assert name == "A b c"
    many = names_in([{"family": f"{number}" + "x" * 999} for number in range(50)])
    assert len(many) == MOST
    assert all(len(each) == LONGEST for each in many)
