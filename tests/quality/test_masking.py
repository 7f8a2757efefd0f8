"""No small number can be told from what is exported."""

from collections.abc import Sequence
from itertools import count, islice, pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from service.quality.measures import Figure, Figures, masked
from service.quality.measures.figures import Behind, quantile
from service.quality.measures.masking import MASKED, Masked

SMALLEST = 5


def figures(**table: tuple[int, int]) -> Figures:
    """Of cases of as many people."""
    strata: dict[str, Figure] = {}
    numbers = count(1)
    for label, (numerator, denominator) in table.items():
        met = frozenset(islice(numbers, numerator))
        unmet = frozenset(islice(numbers, denominator - numerator))
        strata[label] = Figure(numerator, denominator, behind=Behind(met, unmet))
    return Figures(_sum(list(strata.values())), {}, {"sex": strata})


def _sum(every: Sequence[Figure]) -> Figure:
    met = frozenset().union(*(each.behind.met for each in every))
    unmet = frozenset().union(*(each.behind.unmet for each in every))
    counts = sum(each.numerator for each in every), sum(each.denominator for each in every)
    return Figure(*counts, behind=Behind(met, unmet))


def shown(of: Figures) -> dict[str, tuple[int, int] | None]:
    table = masked(of, SMALLEST).strata["sex"]
    return {
        label: None if isinstance(each, Masked) else (each.numerator, each.denominator)
        for label, each in table.items()
    }


def test_large_figures_stay() -> None:
    table = {"female": (20, 40), "male": (0, 30), "not known": (10, 10)}
    assert shown(figures(**table)) == table


def test_a_small_numerator_denominator_or_rest_is_masked_and_one_more_beside_it() -> None:
    for small in ((3, 40), (0, 4), (37, 40)):
        found = shown(figures(female=small, male=(20, 50), other=(30, 90)))
        assert found == {"female": None, "male": None, "other": (30, 90)}


def test_two_small_figures_are_not_enough_where_their_sum_is_small() -> None:
    found = shown(figures(a=(1, 20), b=(2, 20), c=(20, 60), d=(30, 90)))
    assert found == {"a": None, "b": None, "c": None, "d": (30, 90)}


def test_where_the_total_is_small_nothing_is_shown_of_it() -> None:
    of = figures(female=(1, 10), male=(2, 30))
    hidden = masked(of, SMALLEST)
    assert hidden.total is MASKED
    assert shown(of) == {"female": None, "male": None}


def test_many_cases_of_few_people_are_masked() -> None:
    few = Figure(40, 80, behind=Behind(frozenset({1, 2}), frozenset(range(30))))
    many = Figure(40, 80, behind=Behind(frozenset(range(30)), frozenset(range(30, 60))))
    most = Figure(90, 180, behind=many.behind)
    of = Figures(_sum([few, many, most]), {}, {"sex": {"few": few, "many": many, "most": most}})
    assert shown(of) == {"few": None, "many": None, "most": (90, 180)}


def test_the_same_few_people_in_several_figures_are_still_few() -> None:
    few = Behind(frozenset({1, 2}), frozenset({1, 2, 3}))
    table = {label: Figure(10, 20, behind=few) for label in "abc"}
    table["d"] = Figure(30, 90, behind=Behind(frozenset(range(20)), frozenset(range(20, 50))))
    table["e"] = Figure(50, 99, behind=table["d"].behind)
    assert shown(Figures(_sum(list(table.values())), {}, {"sex": table})) == {
        **dict.fromkeys("abcd"),
        "e": (50, 99),
    }


def test_quantiles_of_few_people_are_left_out_and_the_counts_stay() -> None:
    people = frozenset(range(20))
    late = [Figure(0, 20, 3.0, 9.0, Behind(frozenset(), people, frozenset(range(few)))) for few in (1, 4, 5)]
    found = [masked(Figures(each, {"2026-01": each}, {}), SMALLEST) for each in late]
    left_out = Figure(0, 20)
    assert [each.total for each in found] == [left_out, left_out, late[2]]
    assert [each.months["2026-01"] for each in found] == [left_out, left_out, late[2]]


def test_a_threshold_of_one_masks_nothing() -> None:
    of = figures(female=(1, 2), male=(2, 3))
    assert masked(of, 1).strata == of.strata


_counts = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda pair: (pair[0], sum(pair)))


@given(st.lists(_counts, min_size=1, max_size=6), st.integers(2, 8))
def test_what_is_masked_cannot_be_computed_from_the_rest(table: list[tuple[int, int]], smallest: int) -> None:
    """Whoever knows the total and all that is shown finds several values for every small number."""
    of = figures(**{str(label): counts for label, counts in enumerate(table)})
    hidden = masked(of, smallest)
    if isinstance(hidden.total, Masked):
        assert all(isinstance(each, Masked) for each in hidden.strata["sex"].values())
        return
    masks = {label for label, each in hidden.strata["sex"].items() if isinstance(each, Masked)}
    left = [each for each in hidden.strata["sex"].values() if not isinstance(each, Masked)]
    met = hidden.total.numerator - sum(each.numerator for each in left)
    unmet = hidden.total.denominator - sum(each.denominator for each in left) - met
    for label, (numerator, denominator) in enumerate(table):
        counts = (numerator, denominator - numerator, denominator)
        is_small = any(0 < number < smallest for number in counts)
        assert not is_small or str(label) in masks
        if str(label) not in masks:
            continue
        # With others to make up for it, each part of a masked figure may be anything from 0 to what is left.
        possible = range(met + 1), range(unmet + 1), range(met + unmet + 1)
        for number, values in zip(counts, possible, strict=True):
            if 0 < number < smallest:
                assert len(masks) > 1
                assert len(values) > smallest or not left_to_hide_behind(of, masks)


@given(st.lists(_counts, min_size=1, max_size=6), st.integers(2, 8))
@example([(1, 20), (6, 20), (14, 20)], 5)
def test_a_measure_and_its_rest_mask_the_same_figures(table: list[tuple[int, int]], smallest: int) -> None:
    """As of `alerts-raised` and `alerts-suppressed`: one would else give away what the other masks."""
    counted = figures(**{str(label): counts for label, counts in enumerate(table)})
    rest = figures(**{str(label): (d - n, d) for label, (n, d) in enumerate(table)})
    hidden = [
        {label for label, each in masked(of, smallest).strata["sex"].items() if isinstance(each, Masked)}
        for of in (counted, rest)
    ]
    assert hidden[0] == hidden[1]


def left_to_hide_behind(of: Figures, masks: set[str]) -> bool:
    """Whether there is any figure, of what is shown, that could have been masked as well."""
    return any(figure.denominator for label, figure in of.strata["sex"].items() if label not in masks)


@given(st.dictionaries(st.floats(0, 1000), st.integers(1, 5), min_size=1))
def test_a_quantile_is_the_least_amount_that_so_many_are_not_above(amounts: dict[float, int]) -> None:
    every = sorted(amount for amount, often in amounts.items() for _ in range(often))
    found = [quantile(amounts, percent) for percent in (1, 50, 90, 100)]
    assert all(one <= other for one, other in pairwise(each for each in found if each is not None))
    for percent, amount in zip((50, 90, 100), found[1:], strict=True):
        assert amount is not None
        at_most = sum(each <= amount for each in every)
        below = sum(each < amount for each in every)
        assert 100 * at_most >= percent * len(every) > 100 * below
    assert quantile({}, 50) is None
