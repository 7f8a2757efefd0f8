"""How the record's own words are told in the evidence for a cause."""

from service.clinical.causes.cause import CauseName
from tests.clinical.causes.weighed import FOR, cause, recorded, says, taken, with_context
from service.clinical.causes.weighing import name_of
from tests.clinical.records import ALT, man, multiples

RAISED = man(multiples(ALT, {0: 2}))


def test_a_name_is_told_whole_up_to_eighty_characters_and_a_longer_one_is_cut() -> None:
    assert name_of(recorded("x" * 80)) == "x" * 80
    assert name_of(taken("x" * 81)) == "x" * 79 + "…"


def test_conditions_of_one_name_are_told_once_as_the_first_of_them_is_written() -> None:
    over, first, second = (
        recorded("Celiac disease", -900, -800),
        recorded("celiac disease", -90, 5),
        recorded("CELIAC DISEASE"),
    )
    found = cause(with_context(RAISED, over, first), CauseName.COELIAC)
    says(found, FOR, "Recorded: celiac disease, since 2019-10-03, until 2020-01-06.")
    both = cause(with_context(RAISED, first, second), CauseName.COELIAC)
    says(both, FOR, "Recorded: CELIAC DISEASE, since 2019-10-03.")
