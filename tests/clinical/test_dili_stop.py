"""When a possibly hepatotoxic drug should be stopped."""

from datetime import date

import pytest

from service.clinical.episodes import Kind
from service.clinical.results import Coding, Medication
from tests.clinical.records import ALT, AST, INR, drug, findings, judged, man, multiples, result, series

SIMVASTATIN = drug("Simvastatin 20 MG Oral Tablet", date(2019, 1, 1))


def stops(*results: object, drugs: list[Medication] | None = None) -> bool:
    record = man(*results, medications=[SIMVASTATIN] if drugs is None else drugs)  # type: ignore[arg-type]
    return any(
        reason.name == "dili-stop"
        for one in findings(judged(record), kind=Kind.URGENT)
        for reason in one.reasons
    )


def test_above_eight_times_the_limit_at_once() -> None:
    assert not stops(multiples(ALT, {0: 8}))
    assert stops(multiples(ALT, {0: "8.01"}))
    assert stops(multiples(AST, {0: 9}))


def test_only_with_a_current_possibly_hepatotoxic_drug() -> None:
    high = multiples(ALT, {0: 9})
    assert not stops(high, drugs=[])
    assert not stops(high, drugs=[drug("Lisinopril 10 MG Oral Tablet", date(2019, 1, 1))])
    assert not stops(high, drugs=[drug("Simvastatin", date(2019, 1, 1), date(2019, 12, 31))])
    assert not stops(high, drugs=[drug("Simvastatin", date(2020, 1, 2))])
    assert stops(high, drugs=[drug("Simvastatin", date(2020, 1, 1), date(2020, 1, 1))])
    by_code = Medication((Coding("http://www.whocc.no/atc", "C10AA01"),), "", date(2019, 1, 1), None, True)
    assert stops(high, drugs=[by_code])


@pytest.mark.parametrize(("days", "expected"), [(14, False), (15, True)])
def test_above_five_times_for_more_than_fourteen_days(days: int, expected: bool) -> None:
    assert stops(multiples(ALT, {0: 6, days: 6})) is expected


def test_a_lower_value_between_begins_the_fourteen_days_again() -> None:
    assert not stops(multiples(ALT, {0: 6, 10: "4.99", 20: 6}))
    assert not stops(multiples(ALT, {0: 6, 10: "0.5", 20: 6}))
    assert stops(multiples(ALT, {0: 6, 10: "5.1", 20: 6}))
    assert stops(multiples(ALT, {0: 6, 10: "4.99", 20: 6, 35: 6}))


def test_a_value_of_exactly_five_times_is_not_lower_and_is_not_above_either() -> None:
    assert stops(series(ALT, {0: 200, 8: 165, 20: 200}))
    assert not stops(series(ALT, {0: 200, 20: 165}))
    assert not stops(series(ALT, {0: 165, 20: 200}))


@pytest.mark.parametrize(("comparator", "expected"), [(">", True), (">=", True), ("", False)])
def test_a_value_that_may_be_higher_is_not_a_lower_one_between(comparator: str, expected: bool) -> None:
    between = result(ALT, 8, 100, comparator=comparator)
    assert stops(series(ALT, {0: 200, 20: 200}), between) is expected


def test_alt_and_ast_are_followed_each_by_itself() -> None:
    assert not stops(multiples(ALT, {0: 6}), multiples(AST, {20: 6}))


class TestWithInr:
    def test_above_three_times_with_an_inr_above_one_and_a_half(self) -> None:
        assert stops(multiples(ALT, {0: 4}), series(INR, {0: "1.6"}))
        assert not stops(multiples(ALT, {0: 4}), series(INR, {0: "1.5"}))
        assert not stops(multiples(ALT, {0: 3}), series(INR, {0: "1.6"}))

    def test_in_either_order_within_thirty_days(self) -> None:
        assert stops(multiples(ALT, {0: 4}), series(INR, {30: "1.6"}))
        assert not stops(multiples(ALT, {0: 4}), series(INR, {31: "1.6"}))
        assert stops(multiples(ALT, {30: 4}), series(INR, {0: "1.6"}))
        assert stops(multiples(ALT, {0: 4, 10: 1}), series(INR, {10: "1.6"}))

    def test_not_where_an_anticoagulant_explains_the_inr(self) -> None:
        drugs = [SIMVASTATIN, drug("Apixaban", date(2019, 1, 1))]
        assert not stops(multiples(ALT, {0: 4}), series(INR, {0: "1.6"}), drugs=drugs)


def test_the_reason_names_the_drug() -> None:
    record = man(result(ALT, 0, 400), medications=[SIMVASTATIN])
    (finding,) = findings(judged(record), ALT, Kind.URGENT)
    assert "while on record: simvastatin" in finding.reasons[0].detail
