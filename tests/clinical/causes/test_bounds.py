"""Numbers against a bound: censored ones tell only where every value they allow lies on one side."""

from decimal import Decimal

import pytest

from service.clinical.causes.bounds import Bound, Side
from service.clinical.results import Comparator
from tests.clinical.causes.weighed import measured


@pytest.mark.parametrize(
    ("side", "beyond", "not_beyond", "either"),
    [
        (
            Side.ABOVE,
            "5.1 6 >5 >6 >=5.1 >=6",
            "5 4 <5 <=5 <4 <=4",
            ">4 >=4 >=5 <5.1 <=5.1 <6 <=6",
        ),
        (
            Side.FROM,
            "5 6 >5 >=5 >6 >=6",
            "4.9 4 <5 <4 <=4.9 <=4",
            ">4 >=4 <=5 <6 <=6",
        ),
        (
            Side.BELOW,
            "4.9 4 <5 <4 <=4.9 <=4",
            "5 6 >5 >=5 >6 >=6",
            "<6 <=6 <=5 >4.9 >=4.9 >4 >=4",
        ),
        (
            Side.UP_TO,
            "5 4 <5 <=5 <4 <=4",
            "5.1 6 >5 >6 >=5.1 >=6",
            "<6 <=6 >=5 >4 >=4",
        ),
    ],
)
def test_a_number_tells_only_where_all_that_it_may_be_lies_on_one_side_of_five(
    side: Side, beyond: str, not_beyond: str, either: str
) -> None:
    bound = Bound(side, Decimal(5))
    for told, numbers in ((True, beyond), (False, not_beyond), (None, either)):
        for text in numbers.split():
            number = text.lstrip("<>=")
            comparator = Comparator(text.removesuffix(number))
            assert bound.met(Decimal(number), comparator) is told, text


@pytest.mark.parametrize(("side", "own"), [(Side.ABOVE, 9), (Side.FROM, 9), (Side.BELOW, 2), (Side.UP_TO, 2)])
def test_the_limit_of_the_laboratory_is_its_upper_one_for_what_is_high_and_its_lower_one_for_what_is_low(
    side: Side, own: int
) -> None:
    given = measured("ldh", 5, low=2, high=9)
    assert Bound(side, Decimal(5), own_first=True).of(given).value == own
    assert Bound(side, Decimal(5)).of(given).value == 5
    assert Bound(side, Decimal(5), own_first=True).of(measured("ldh", 5)).value == 5
