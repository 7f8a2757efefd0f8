"""Hy's law, possible Hy's law and cholestatic jaundice, at their edges and in every order of arrival."""

from datetime import date, timedelta

import pytest

from service.clinical.episodes import Family, Kind, Tier
from service.clinical.results import Sex
from tests.clinical.records import (
    ALP,
    ALT,
    AST,
    DAY_0,
    TBIL,
    findings,
    judged,
    man,
    multiples,
    only,
    patient,
    result,
)

RULES = {"hys-law", "possible-hys-law", "cholestatic-jaundice"}


def found(*results: object) -> set[str]:
    assessment = judged(man(*results))  # type: ignore[arg-type]
    names = {reason.name for one in findings(assessment, kind=Kind.URGENT) for reason in one.reasons}
    return names & RULES


def met(name: str, *results: object) -> date:
    assessment = judged(man(*results))  # type: ignore[arg-type]
    (day,) = {
        reason.met
        for one in findings(assessment, kind=Kind.URGENT)
        for reason in one.reasons
        if reason.name == name
    }
    return day


def enzyme(when: int = 0, multiple: object = 4) -> list[object]:
    return [*multiples(ALT, {when: multiple})]


def bilirubin(when: int = 0, multiple: object = "2.5") -> list[object]:
    return [*multiples(TBIL, {when: multiple})]


def alp(when: int = 0, multiple: object = 1) -> list[object]:
    return [*multiples(ALP, {when: multiple})]


def test_enzyme_bilirubin_and_a_low_alp_are_hys_law() -> None:
    assert found(*enzyme(), *bilirubin(), *alp()) == {"hys-law"}


def test_the_enzyme_must_be_above_three_times_and_bilirubin_at_least_twice() -> None:
    assert found(*enzyme(0, 3), *bilirubin(), *alp()) == set()
    assert found(*enzyme(0, "3.01"), *bilirubin(0, 2), *alp()) == {"hys-law"}
    assert found(*enzyme(), *bilirubin(0, "1.99"), *alp()) == set()
    assert found(result(ALT, 0, 99, comparator=">"), *bilirubin(), *alp()) == {"hys-law"}


def test_an_enzyme_of_thirty_days_before_counts_also_where_an_older_one_does_not() -> None:
    assert found(*enzyme(0), *enzyme(1), *bilirubin(31), *alp(1)) == {"hys-law"}


@pytest.mark.parametrize(("days", "names"), [(30, {"hys-law"}), (31, set())])
@pytest.mark.parametrize("enzyme_first", [True, False])
def test_enzyme_and_bilirubin_lie_at_most_thirty_days_apart(
    days: int, names: set[str], enzyme_first: bool
) -> None:
    first, second = (0, days) if enzyme_first else (days, 0)
    assert found(*enzyme(first), *bilirubin(second), *alp(first)) == names


def test_it_is_met_on_the_day_that_completes_it() -> None:
    assert met("hys-law", *enzyme(0), *bilirubin(20), *alp(0)) == DAY_0 + timedelta(days=20)
    assert met("hys-law", *enzyme(20), *bilirubin(0), *alp(20)) == DAY_0 + timedelta(days=20)


def test_without_an_alp_within_fourteen_days_hys_law_is_possible_and_says_what_is_missing() -> None:
    assert found(*enzyme(), *bilirubin()) == {"possible-hys-law"}
    assert found(*enzyme(), *bilirubin(), *alp(-15)) == {"possible-hys-law"}
    assert found(*enzyme(), *bilirubin(), *alp(-14)) == {"hys-law"}
    (finding,) = findings(judged(man(*enzyme(), *bilirubin())), ALT, Kind.URGENT)  # type: ignore[arg-type]
    assert "missing: ALP within 14 days of 2020-01-01, not known on 2020-01-01" in finding.notes


@pytest.mark.parametrize("level", [1, "5.8"])
def test_the_missing_alp_is_said_until_it_is_known_within_fourteen_days(level: object) -> None:
    def notes(*alps: object) -> tuple[str, ...]:
        record = man(*enzyme(), *bilirubin(3), *alps)  # type: ignore[arg-type]
        (finding,) = findings(judged(record), ALT, Kind.URGENT)
        assert finding.tier is Tier.URGENT
        return finding.notes

    said = "missing: ALP within 14 days of 2020-01-01, not known on 2020-01-04"
    assert notes() == (said,)
    assert notes(*alp(14, level)) == ()
    assert notes(*alp(15, level)) == (said,)
    assert notes(result(ALP, 4, 150, comparator=">")) == (said,)


def test_the_missing_alp_is_named_with_the_first_day_it_was_not_known() -> None:
    later = multiples(TBIL, {0: 3, 5: 3})
    (finding,) = findings(judged(man(*enzyme(), later)), ALT, Kind.URGENT)  # type: ignore[arg-type]
    assert finding.notes == ("missing: ALP within 14 days of 2020-01-01, not known on 2020-01-01",)


def test_an_alp_answers_for_the_enzymes_of_its_own_window_only() -> None:
    record = man(multiples(ALT, {0: 4, 10: 5}), *bilirubin(), *alp(20))  # type: ignore[arg-type]
    (finding,) = findings(judged(record), ALT, Kind.URGENT)
    assert finding.notes == ("missing: ALP within 14 days of 2020-01-01, not known on 2020-01-01",)


def test_an_alp_that_comes_within_fourteen_days_decides_later_and_undoes_nothing() -> None:
    assert found(*enzyme(), *bilirubin(), *alp(14)) == {"possible-hys-law", "hys-law"}
    assert found(*enzyme(), *bilirubin(), *alp(15)) == {"possible-hys-law"}
    assert found(*enzyme(), *bilirubin(), *alp(14, 3)) == {"possible-hys-law", "cholestatic-jaundice"}
    assert met("hys-law", *enzyme(), *bilirubin(), *alp(10)) == DAY_0 + timedelta(days=10)


def test_the_alp_nearest_to_the_enzyme_counts_and_a_tie_goes_to_the_earlier() -> None:
    assert found(*enzyme(), *bilirubin(), *alp(-5, 3), *alp(-2, 1)) == {"hys-law"} | {"cholestatic-jaundice"}
    assert "hys-law" not in found(*enzyme(5), *bilirubin(5), *alp(0, 3), *alp(10, 1))
    assert "hys-law" in found(*enzyme(5), *bilirubin(5), *alp(0, 3), *alp(9, 1))
    assert "hys-law" in found(*enzyme(5), *bilirubin(5), *alp(0, 1), *alp(10, 3))


def test_a_high_alp_is_still_hys_law_when_the_enzyme_is_five_times_higher() -> None:
    assert found(*enzyme(0, 10), *bilirubin(), *alp(0, 2)) == {"hys-law"}
    assert found(*enzyme(0, "9.9"), *bilirubin(), *alp(0, 2)) == {"cholestatic-jaundice"}
    assert found(*enzyme(), *bilirubin(), *alp(0, "1.99")) == {"hys-law"}
    assert found(*enzyme(), *bilirubin(), *alp(0, 2)) == {"cholestatic-jaundice"}


@pytest.mark.parametrize(
    ("alt", "name"), [(400, "hys-law"), ("400.01", "hys-law"), ("399.99", "cholestatic-jaundice")]
)
def test_an_n_r_of_exactly_five_is_not_lost_to_rounding(alt: object, name: str) -> None:
    panel = [result(ALT, 0, alt, limits=(None, 30)), result(ALP, 0, 320, limits=(None, 120))]
    assert found(*panel, *bilirubin(0, 2)) == {name}


def test_n_r_uses_the_larger_of_alt_and_ast() -> None:
    assert found(*enzyme(), *multiples(AST, {0: 10}), *bilirubin(), *alp(0, 2)) == {"hys-law"}


def test_the_driving_analyte_is_the_larger_of_the_two() -> None:
    assessment = judged(man(*enzyme(), *multiples(AST, {0: 6}), *bilirubin(), *alp()))  # type: ignore[arg-type]
    (finding,) = findings(assessment, kind=Kind.URGENT)
    assert finding.analyte is AST


@pytest.mark.parametrize("later", [0, 3])
def test_it_is_told_by_the_highest_enzyme_that_qualifies_on_its_last_day(later: int) -> None:
    peaks = multiples(ALT, {0: 9, 5: 4, 8: "3.5"})
    told = judged(man(peaks, *bilirubin(8 + later), *alp(2)))  # type: ignore[arg-type]
    (finding,) = findings(told, ALT, Kind.URGENT)
    (reason,) = finding.reasons
    assert reason.last == DAY_0 + timedelta(days=8 + later)
    assert reason.detail.startswith("ALT 9 × ULN")
    assert "on 2020-01-01 with total bilirubin 2.5 × ULN" in reason.detail


def test_an_alp_given_only_as_greater_than_a_low_value_counts_as_missing() -> None:
    unclear = result(ALP, 0, 150, comparator=">")
    assert found(*enzyme(), *bilirubin(), unclear) == {"possible-hys-law"}
    assert found(*enzyme(), *bilirubin(), result(ALP, 0, 240, comparator=">")) == {"cholestatic-jaundice"}


def test_the_alp_of_a_child_without_the_laboratorys_range_counts_as_missing() -> None:
    panel = [result(ALT, 0, 200), result(TBIL, 0, 60), result(ALP, 0, 90)]
    child = patient(panel, sex=Sex.FEMALE, birth_date=date(2010, 1, 1))
    (finding,) = findings(judged(child), ALT, Kind.URGENT)
    assert [reason.name for reason in finding.reasons] == ["possible-hys-law"]
    assert "under 18: outside the validated population" in finding.notes
    with_range = [*panel[:2], result(ALP, 0, 90, limits=(50, 390))]
    (finding,) = findings(
        judged(patient(with_range, sex=Sex.FEMALE, birth_date=date(2010, 1, 1))), ALT, Kind.URGENT
    )
    assert [reason.name for reason in finding.reasons] == ["hys-law"]


class TestCholestaticJaundice:
    def test_alp_and_bilirubin_of_twice_the_limit(self) -> None:
        assert found(*alp(0, 2), *bilirubin(0, 2)) == {"cholestatic-jaundice"}
        assert found(*alp(0, "1.99"), *bilirubin(0, 2)) == set()
        assert found(*alp(0, 2), *bilirubin(0, "1.99")) == set()

    @pytest.mark.parametrize(("days", "names"), [(14, {"cholestatic-jaundice"}), (15, set())])
    @pytest.mark.parametrize("alp_first", [True, False])
    def test_at_most_fourteen_days_apart(self, days: int, names: set[str], alp_first: bool) -> None:
        first, second = (0, days) if alp_first else (days, 0)
        assert found(*alp(first, 3), *bilirubin(second)) == names

    def test_it_belongs_to_the_cholestatic_family_and_alp(self) -> None:
        episode = only(judged(man(*alp(0, 3), *bilirubin())), Family.CHOLESTATIC)  # type: ignore[arg-type]
        (finding,) = episode.findings
        assert finding.analyte is ALP
        assert "nR not known" in finding.reasons[0].detail

    def test_n_r_uses_the_enzyme_nearest_within_seven_days(self) -> None:
        assert found(*alp(0, 2), *bilirubin(0, 2), *enzyme(-7, 12)) == {"hys-law"}
        assert "cholestatic-jaundice" in found(*alp(0, 2), *bilirubin(0, 2), *enzyme(-8, 12))

    def test_the_published_trial_case_is_cholestatic_and_not_hys_law(self) -> None:
        panel = [
            result(ALT, 0, 104, limits=(6, 32)),
            result(AST, 0, 118, limits=(9, 34)),
            result(TBIL, 0, "113.7", limits=(3, "20.52")),
            result(ALP, 0, 672, limits=(35, 115)),
        ]
        assert found(*panel) == {"cholestatic-jaundice"}
