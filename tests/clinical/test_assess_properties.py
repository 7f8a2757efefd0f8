"""What holds for every history: order does not matter, later results undo nothing, a plain oracle agrees."""

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import combinations, permutations
from statistics import median
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from service.clinical.analytes import Analyte
from service.clinical.episodes import Assessment, Kind
from service.clinical.months import add_months
from service.clinical.results import LabResult, PatientRecord
from tests.clinical.records import (
    ALB,
    ALP,
    ALT,
    AST,
    DAY_0,
    DBIL,
    GGT,
    INR,
    RULEBOOK,
    TBIL,
    ULN,
    When,
    day_of,
    drug,
    elevations,
    findings,
    judged,
    man,
    missed,
    multiples,
    pregnancy,
    result,
)

MULTIPLES = ("0.4", "0.9", "1", "1.1", "1.4", "1.6", "2", "2.4", "3", "3.1", "4", "6", "9", "16")
LIMITS = {**ULN, ALB: 35}


@st.composite
def lab_results(draw: st.DrawFn) -> LabResult:
    """Any result of any analyte within three years, now and then censored, preliminary or haemolysed."""
    analyte = draw(st.sampled_from([ALT, ALT, AST, ALP, GGT, TBIL, DBIL, INR, ALB]))
    value = Decimal(draw(st.sampled_from(MULTIPLES))) * Decimal(LIMITS[analyte])
    return result(
        analyte,
        draw(st.one_of(st.integers(0, 60), st.integers(0, 1000))),
        value,
        comparator=draw(st.sampled_from(["", "", "", "", "<", ">", "<=", ">="])),
        preliminary=draw(st.integers(0, 9)) == 0,
        flags=("haemolysed",) if draw(st.integers(0, 9)) == 0 else (),
        key=f"{draw(st.integers(0, 10**9))}",
    )


histories = st.lists(lab_results(), max_size=40, unique_by=lambda one: one.key)


def record(results: Sequence[LabResult], *, with_context: bool = False) -> PatientRecord:
    if not with_context:
        return man(results)
    return man(
        results,
        medications=[drug("Simvastatin", DAY_0), drug("Warfarin", day_of(100), day_of(200))],
        conditions=[pregnancy(day_of(300))],
    )


def met(assessment: Assessment) -> set[tuple[str, str, str, date, date]]:
    """Every criterion with the day it was met, and the day its run or kind was first met."""
    return {
        (finding.analyte.value, finding.kind.value, reason.name, finding.met, reason.met)
        for finding in findings(assessment)
        for reason in finding.reasons
    }


@given(histories, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_results_does_not_matter(
    results: list[LabResult], random: object, context: bool
) -> None:
    shuffled = list(results)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert judged(record(results, with_context=context)) == judged(record(shuffled, with_context=context))


@given(histories, st.integers(0, 1000), st.booleans())
def test_later_results_undo_nothing_that_was_met(results: list[LabResult], until: int, context: bool) -> None:
    earlier = [one for one in results if one.day <= day_of(until)]
    before = judged(record(earlier, with_context=context))
    after = judged(record(results, with_context=context))
    assert met(before) <= met(after)
    known = {(one.family, one.onset): one for one in elevations(after)}
    for episode in elevations(before):
        later = known[episode.family, episode.onset]
        assert later.tier_changes[: len(episode.tier_changes)] == episode.tier_changes
        assert episode.evidence <= later.evidence
        assert episode.results <= later.results
        if episode.alerts_from is not None:
            assert later.alerts_from == episode.alerts_from
        if episode.resolved is not None:
            assert later == episode


@given(histories, st.integers(0, 1000), st.booleans())
def test_a_recheck_that_was_missed_stays_missed_whatever_comes_later(
    results: list[LabResult], until: int, context: bool
) -> None:
    earlier = [one for one in results if one.day <= day_of(until)]
    before = missed(judged(record(earlier, with_context=context), at=until))
    after = {one.evidence: one for one in missed(judged(record(results, with_context=context)))}
    for episode in before:
        later = after[episode.evidence]
        assert (later.alerts_from, later.tier) == (episode.alerts_from, episode.tier)
        assert later.findings[0].suppressed is episode.findings[0].suppressed
        if episode.resolved is not None:
            assert later == episode


@given(histories, st.integers(0, 1200), st.integers(1, 1000))
def test_nothing_changes_before_the_day_of_the_next_review_and_something_does_then(
    results: list[LabResult], at: int, further: int
) -> None:
    known = record([one for one in results if one.day <= day_of(at)])
    now = judged(known, at=at)
    if now.next_review is None:
        assert judged(known, at=at + further).episodes == now.episodes
        return
    days = (now.next_review - day_of(at)).days
    assert days > 0
    assert judged(known, at=at + further % days).episodes == now.episodes
    assert judged(known, at=now.next_review).episodes != now.episodes


@given(histories, st.booleans())
def test_preliminary_results_hide_nothing_that_final_ones_make_urgent(
    results: list[LabResult], context: bool
) -> None:
    finals = [one for one in results if not one.preliminary]
    alone = urgent_days(judged(record(finals, with_context=context)))
    beside = urgent_days(judged(record(results, with_context=context)))
    for analyte, reason, day in alone:
        shown = "hys-law" if reason == "possible-hys-law" else reason
        assert any(
            one == analyte and name in (reason, shown) and earlier <= day for one, name, earlier in beside
        )


def urgent_days(assessment: Assessment) -> set[tuple[str, str, date]]:
    """Every urgent criterion with the day it was met."""
    return {
        (analyte, reason, day)
        for analyte, kind, reason, _, day in met(assessment)
        if kind == Kind.URGENT.value
    }


@given(histories)
def test_an_episode_is_consistent_in_itself(results: list[LabResult]) -> None:
    for episode in judged(record(results)).episodes:
        assert episode.evidence
        assert episode.evidence <= episode.results
        assert episode.onset <= episode.last_result
        assert {level.analyte for level in episode.latest} == {level.analyte for level in episode.peak}
        tiers = [change.tier for change in episode.tier_changes]
        assert tiers == sorted(set(tiers))
        assert episode.tier == (tiers[-1] if tiers else None)
        alerting = [finding for finding in episode.findings if finding.alerts_from is not None]
        assert (episode.tier is not None) is bool(alerting)
        assert episode.tier == max((finding.tier for finding in alerting), default=None)
        assert episode.alerts_from == min(
            (one.alerts_from for one in alerting if one.alerts_from), default=None
        )
        for finding in episode.findings:
            assert finding.first <= finding.met <= finding.last
            assert (finding.suppressed is None) is (finding.alerts_from is not None)
            assert all(reason.evidence and reason.detail for reason in finding.reasons)


@given(histories, st.integers(0, 1000))
def test_a_result_of_the_day_after_as_of_plus_a_day_is_as_if_it_were_not_there(
    results: list[LabResult], until: int
) -> None:
    known = [one for one in results if one.effective <= _noon(until) + timedelta(hours=24)]
    assert judged(record(results), at=until).episodes == judged(record(known), at=until).episodes


def _noon(when: int) -> datetime:
    return datetime.fromisoformat(f"{day_of(when)}T12:00:00+00:00")


def kendall_p(values: Sequence[Decimal]) -> float:
    def statistic(order: Sequence[Decimal]) -> int:
        return sum((later > earlier) - (later < earlier) for earlier, later in combinations(order, 2))

    s, n = statistic(values), len(values)
    untied = len(set(values)) == n
    if untied and n <= 6:
        orders = list(permutations(values))
        return sum(statistic(order) >= s for order in orders) / len(orders)
    ties = sum(t * (t - 1) * (2 * t + 5) for t in (list(values).count(one) for one in set(values)))
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    return math.erfc((s - 1) / math.sqrt(2 * variance)) / 2 if s > 0 and variance > 0 else 1.0


class Oracle:
    """§5 and §6 for one analyte of uncensored day-values, written as plainly as the text."""

    def __init__(self, analyte: Analyte, values: dict[date, Decimal]) -> None:
        self.values = dict(sorted(values.items()))
        self.limit = Decimal(ULN[analyte])
        self.fold = RULEBOOK.rules.worsening.fold[analyte]
        self.rise = RULEBOOK.change[analyte].rise
        self.banded = analyte in (ALT, AST)

    def criteria(self) -> set[tuple[str, date]]:
        """Every criterion with every day it holds."""
        held = set()
        for day, value in self.values.items():
            if value > self.limit:
                held |= {(name, day) for name in self.on(day, value)}
        return held

    def on(self, day: date, value: Decimal) -> set[str]:
        names = set()
        if day > add_months(self.run_start(day), 6):
            names.add("persistent-6-months")
        before = [v for d, v in self.values.items() if timedelta(0) < day - d <= timedelta(days=365)]
        baseline = median(before) if before else None
        if baseline is not None and value > baseline * self.rise:
            if baseline > self.limit and value >= self.fold * baseline:
                names.add("fold-rise")
            if self.banded and self.band(value) >= 2 and self.band(value) > self.band(baseline):
                names.add("band-step")
        window = {d: v for d, v in self.values.items() if timedelta(0) <= day - d <= timedelta(days=730)}
        first = next(iter(window))
        if len(window) >= 4 and day - first >= timedelta(days=28) and value > window[first] * self.rise:
            p = kendall_p(list(window.values()))
            names |= {"sustained-rise"} if p <= 0.05 else set()
        return names

    def missed(self, today: date) -> set[tuple[date, date, date | None]]:
        """§8: of every recheck that did not come in time, what asked for it, since when, and the repeat."""
        found = set()
        for day, value in self.values.items():
            worse = self.on(day, value) - {"persistent-6-months"}
            lasting = day > add_months(self.run_start(day), 6)
            if value <= self.limit or (lasting and not worse):
                continue
            since = day + timedelta(days=self.allowed(value) + 1)
            repeat = min((later for later in self.values if later > day), default=None)
            if since <= today and (repeat is None or repeat >= since):
                found.add((day, since, repeat))
        return found

    def allowed(self, value: Decimal) -> int:
        """Days until the recheck must be there, grace included."""
        if self.banded:
            return {1: 14 + 76, 2: 14 + 16, 3: 7 + 7, 4: 1 + 1}[self.band(value)]
        first, second = (Decimal("2.5"), 5) if self.limit == ULN[ALP] else (Decimal("1.5"), 3)
        multiple = value / self.limit
        return 14 + 16 if multiple <= first else 7 + 7 if multiple <= second else 1 + 1

    def run_start(self, day: date) -> date:
        start = day
        for earlier in sorted((d for d in self.values if d < day), reverse=True):
            if self.values[earlier] <= self.limit or start > add_months(earlier, 15):
                break
            start = earlier
        return start

    def band(self, value: Decimal) -> int:
        multiple = value / self.limit
        return sum((multiple > 1, multiple >= 2, multiple >= 5, multiple > 15, value > 10_000))


uncensored = st.dictionaries(
    st.one_of(st.integers(0, 1500), st.integers(0, 40).map(lambda week: week * 40)),
    st.integers(20, 70).map(lambda tenth: Decimal(tenth) / 20),
    max_size=9,
)


@settings(max_examples=300)
@given(st.sampled_from([ALT, ALP, TBIL]), uncensored)
def test_persistence_and_worsening_agree_with_a_plain_oracle(
    analyte: Analyte, values: dict[int, Decimal]
) -> None:
    days = {day_of(when): value * Decimal(ULN[analyte]) for when, value in values.items()}
    expected = Oracle(analyte, days).criteria()
    held: set[tuple[str, date]] = set()
    for until in days:
        known = man(
            multiples(analyte, {when: value for when, value in values.items() if day_of(when) <= until})
        )
        for finding in findings(judged(known), analyte):
            if finding.kind in (Kind.PERSISTENT, Kind.WORSENING):
                held |= {(reason.name, until) for reason in finding.reasons if reason.last == until}
    assert held == expected


@given(st.lists(lab_results(), max_size=4), st.booleans())
def test_a_record_that_is_not_walked_through_holds_no_episode(
    results: list[LabResult], with_context: bool
) -> None:
    """The first look passes over most people; the walk would have found nothing in them."""
    person = record(results, with_context=with_context)
    with mock.patch("service.clinical.assess.uneventful", return_value=False):
        walked = judged(person)
    assert judged(person) == walked


def test_people_without_any_elevation_are_not_walked_through() -> None:
    calm = [result(ALT, 100 * visit, "20") for visit in range(5)]
    with mock.patch("service.clinical.assess.Walk", side_effect=AssertionError):
        assert judged(man(calm)).episodes == ()


LEVELS = [
    *("0.9", "1.1", "1.5", "1.51", "1.9", "2", "2.5", "2.51"),
    *("3", "3.01", "4.9", "5", "5.01", "15", "15.01"),
]
"""On both sides of every number that sets the days of a recheck."""

raised = st.dictionaries(
    st.one_of(st.integers(0, 1500), st.integers(0, 60), st.integers(0, 40).map(lambda week: week * 15)),
    st.sampled_from(LEVELS).map(Decimal),
    max_size=7,
)


@settings(max_examples=300)
@given(st.sampled_from([ALT, ALP, TBIL]), raised, st.integers(0, 1700))
def test_missed_rechecks_agree_with_a_plain_oracle(
    analyte: Analyte, values: dict[int, Decimal], at: int
) -> None:
    known: dict[When, object] = {when: value for when, value in values.items() if when <= at}
    days = {day_of(when): values[when] * Decimal(ULN[analyte]) for when in values if when <= at}
    plain = Oracle(analyte, days)
    # The other tests are such that nothing holds an alert of this one back, and that no rule combines them.
    others = result(GGT, at, 60) if analyte is ALT else result(ALT, at, 20)
    given_results = multiples(analyte, known)
    assessment = judged(man(given_results, others), at=at)
    day_by_key = {one.key: one.day for one in given_results}
    urgent = {
        day_by_key[key]
        for finding in findings(assessment, analyte, Kind.URGENT)
        for reason in finding.reasons
        for key in reason.evidence
        if key in day_by_key
    }
    found = {
        (one.onset, one.findings[0].met, one.resolved)
        for one in missed(assessment, analyte)
        if one.onset not in urgent
    }
    assert found == {one for one in plain.missed(day_of(at)) if one[0] not in urgent}
