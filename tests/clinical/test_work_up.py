"""Which steps an alert asks for, and which it does not because the record shows them."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest

from service.clinical.analytes import Analyte
from service.clinical.catalogues.rules import rules
from service.clinical.episodes import Episode, Family, Kind, Plan, Tier
from service.clinical.recommendations import orderables
from service.clinical.results import Answer, Done, Measurement, PatientRecord, Progress, ResultKey
from service.clinical.work_up import FIRST_LINE, SECOND_LINE
from service.fhir.wording import rule_code
from tests.clinical.records import (
    ALP,
    ALT,
    AST,
    DAY_0,
    TBIL,
    When,
    day_of,
    drug,
    judged,
    man,
    multiples,
    only,
    result,
    series,
)
from tests.clinical.test_real_data import DATA, assessments

LASTING: dict[When, object] = {0: 2, 100: 2, 200: 2}
MET = day_of(200)
"""The first day on which LASTING is persistent."""


def plan(record: PatientRecord, family: Family = Family.TRANSAMINASE, at: int = 210) -> Plan:
    return only(judged(record, at=at), family).plan


def steps(given: Plan) -> list[str]:
    return [step.name for step in given.steps]


def examined(what: str, on: date, progress: Progress = Progress.DONE) -> Done:
    return Done(f"Procedure/{what}", what, on, progress)


def measured(what: str, on: date) -> Measurement:
    return Measurement(ResultKey("lab", what), what, on, Decimal(1))


def test_a_first_moderate_elevation_asks_for_history_a_repeat_and_education_only() -> None:
    asked = steps(plan(man(multiples(ALT, {0: 6})), at=1))
    assert {"liver-history", "repeat-hepatic-panel", "patient-education"} <= set(asked)
    assert not set(asked) & {*FIRST_LINE, "liver-elastography", "hepatology-referral"}


def test_a_second_elevated_result_asks_for_the_common_causes() -> None:
    asked = steps(plan(man(multiples(ALT, {0: 6, 7: 6})), at=8))
    assert set(FIRST_LINE) <= set(asked)
    assert not set(asked) & set(SECOND_LINE)


def test_what_was_done_within_twelve_months_is_said_and_not_asked_for() -> None:
    record = man(multiples(ALT, LASTING), done=[examined("ultrasound", date(2019, 7, 19))])
    given = plan(record)
    assert date(2020, 7, 19) == MET
    assert "liver-ultrasound" not in steps(given)
    (done,) = given.done
    assert (done.name, done.day, done.ordered) == ("liver-ultrasound", date(2019, 7, 19), False)
    assert done.shown_by == ("Procedure/ultrasound",)


def test_what_was_done_a_day_longer_ago_is_asked_for_again() -> None:
    record = man(multiples(ALT, LASTING), done=[examined("ultrasound", date(2019, 7, 18))])
    assert "liver-ultrasound" in steps(plan(record))


def test_what_is_done_later_ends_the_step_and_stays_done() -> None:
    record = man(multiples(ALT, LASTING), done=[examined("ultrasound", MET + timedelta(days=5))])
    assert "liver-ultrasound" not in steps(plan(record))
    assert "liver-ultrasound" not in steps(plan(record, at=800))


def test_what_is_done_after_the_moment_of_judgement_is_not_known_yet() -> None:
    record = man(multiples(ALT, LASTING), done=[examined("ultrasound", MET + timedelta(days=50))])
    assert "liver-ultrasound" in steps(plan(record))


def test_an_appointment_to_come_counts_as_an_order() -> None:
    appointment = examined("ultrasound", MET + timedelta(days=50), Progress.ORDERED)
    given = plan(man(multiples(ALT, LASTING), done=[appointment]))
    assert [(each.name, each.ordered) for each in given.done] == [("liver-ultrasound", True)]


def test_the_record_is_reviewed_on_the_day_from_which_an_examination_counts() -> None:
    record = man(multiples(ALT, LASTING), done=[examined("ultrasound", day_of(230))])
    review = judged(record, at=210).next_review
    assert review is not None
    asked_before = steps(only(judged(record, at=review - timedelta(days=1)), Family.TRANSAMINASE).plan)
    asked_then = steps(only(judged(record, at=review), Family.TRANSAMINASE).plan)
    assert "liver-ultrasound" in asked_before
    assert "liver-ultrasound" not in asked_then


def test_the_record_is_not_reviewed_for_an_examination_that_counts_already() -> None:
    record = man(multiples(ALT, LASTING), done=[examined("ultrasound", day_of(210))])
    assert judged(record, at=210).next_review == judged(man(multiples(ALT, LASTING)), at=210).next_review


def test_of_several_results_the_latest_is_what_shows_a_test_done() -> None:
    ggt = [result(Analyte.GGT, when, 90) for when in (150, 190)]
    (done,) = (
        each
        for each in plan(man(multiples(ALP, LASTING), ggt), Family.CHOLESTATIC).done
        if each.name == "gamma-gt"
    )
    assert (done.day, done.ordered, done.shown_by) == (day_of(190), False, (ggt[1].key.resource,))


def test_an_order_is_told_as_an_order() -> None:
    ordered = [
        examined("ultrasound", MET, Progress.ORDERED),
        examined("hepatic-panel", MET, Progress.ORDERED),
    ]
    given = plan(man(multiples(ALT, LASTING), done=ordered))
    assert {(each.name, each.ordered) for each in given.done} == {
        ("liver-ultrasound", True),
        ("repeat-hepatic-panel", True),
    }
    assert not {"liver-ultrasound", "repeat-hepatic-panel"} & set(steps(given))


def test_half_of_a_pair_of_tests_is_not_the_pair() -> None:
    ferritin = [measured("ferritin", MET)]
    assert "iron-studies" in steps(plan(man(multiples(ALT, LASTING), measurements=ferritin)))
    both = [*ferritin, measured("transferrin-saturation", MET)]
    assert "iron-studies" not in steps(plan(man(multiples(ALT, LASTING), measurements=both)))


@pytest.mark.parametrize(
    ("platelets", "wanted", "unwanted"),
    [
        (300, set(), {"liver-elastography", "hepatology-referral", "fib-4-tests"}),
        (150, {"liver-elastography"}, {"hepatology-referral", "fib-4-tests"}),
        (60, {"liver-elastography", "hepatology-referral"}, {"fib-4-tests"}),
        (None, {"fib-4-tests"}, {"liver-elastography", "hepatology-referral"}),
    ],
)
def test_the_fibrosis_score_decides_how_far_to_look(
    platelets: int | None, wanted: set[str], unwanted: set[str]
) -> None:
    counts = [] if platelets is None else [result(Analyte.PLATELETS, 200, platelets)]
    asked = set(steps(plan(man(multiples(ALT, LASTING), series(AST, {200: 35}), counts))))
    assert wanted <= asked
    assert not unwanted & asked


def test_after_ultrasound_and_elastography_comes_mri() -> None:
    record = man(
        multiples(ALT, LASTING),
        series(AST, {200: 35}),
        [result(Analyte.PLATELETS, 200, 150)],
        done=[examined("ultrasound", MET), examined("elastography", MET)],
    )
    assert "liver-mri" in steps(plan(record))


def test_the_rarer_causes_follow_once_the_common_ones_were_looked_at_and_it_lasts() -> None:
    looked_at = [
        measured(what, MET)
        for what in (
            *("hbsag", "anti-hcv", "ferritin", "transferrin-saturation"),
            *("igg", "ana", "smooth-muscle-antibody", "hba1c"),
        )
    ]
    record = man(multiples(ALT, LASTING), measurements=looked_at, done=[examined("ultrasound", MET)])
    assert set(SECOND_LINE) <= set(steps(plan(record)))


def positive(what: str) -> Measurement:
    return Measurement(ResultKey("lab", what), what, MET, answer=Answer.POSITIVE, text="positive")


def number(what: str, value: object) -> Measurement:
    return Measurement(ResultKey("lab", what), what, MET, Decimal(str(value)))


@pytest.mark.parametrize(
    ("found", "asked_for", "not_asked_for"),
    [
        ([positive("hbsag")], {"hepatology-referral"}, set()),
        ([positive("anti-hcv")], {"hcv-rna", "hepatology-referral"}, set()),
        ([positive("anti-hcv"), number("hcv-rna", 90000)], {"hepatology-referral"}, {"hcv-rna"}),
        ([positive("anti-hcv"), number("hcv-rna", 0)], set(), {"hcv-rna", "hepatology-referral"}),
        (
            [number("ferritin", 900), number("transferrin-saturation", 70)],
            {"hfe-test", "hepatology-referral"},
            {"iron-studies"},
        ),
        (
            [number("ferritin", 900), number("transferrin-saturation", 38)],
            set(),
            {"hfe-test", "hepatology-referral"},
        ),
        ([number("ferritin", 900)], {"iron-studies"}, {"hfe-test", "hepatology-referral"}),
        ([number("ceruloplasmin", "0.1")], {"urine-copper", "hepatology-referral"}, {"ceruloplasmin"}),
        ([number("a1at", "0.3")], {"hepatology-referral"}, {"alpha-1-antitrypsin"}),
        (
            [number("igg", 24), positive("ana"), positive("smooth-muscle-antibody")],
            {"hepatology-referral"},
            {"liver-autoantibodies"},
        ),
        ([positive("ana")], {"liver-autoantibodies"}, {"hepatology-referral"}),
    ],
)
def test_what_confirms_a_cause_and_who_treats_it_wait_until_its_own_test_speaks_for_it(
    found: list[Measurement], asked_for: set[str], not_asked_for: set[str]
) -> None:
    asked = set(steps(plan(man(multiples(ALT, LASTING), measurements=found))))
    assert asked_for <= asked
    assert not not_asked_for & asked


@pytest.mark.parametrize(("born", "asked_for"), [(date(1965, 7, 20), True), (date(1965, 7, 19), False)])
def test_wilson_disease_is_not_looked_for_from_the_age_at_which_it_seldom_shows_first(
    born: date, asked_for: bool
) -> None:
    looked_at = [positive("hbsag"), positive("anti-hcv"), number("ferritin", 1), number("hba1c", 5)]
    looked_at += [number("transferrin-saturation", 1), number("igg", 1)]
    looked_at += [positive("ana"), positive("smooth-muscle-antibody")]
    record = man(
        multiples(ALT, LASTING), measurements=looked_at, done=[examined("ultrasound", MET)], birth_date=born
    )
    asked = steps(plan(record))
    assert ("ceruloplasmin" in asked) is asked_for
    assert "tsh" in asked


def test_a_raised_alp_asks_for_ggt_and_a_raised_bilirubin_for_its_direct_part() -> None:
    assert "gamma-gt" in steps(plan(man(multiples(ALP, LASTING)), Family.CHOLESTATIC))
    jaundice = man(multiples(TBIL, LASTING), multiples(ALT, LASTING))
    assert "direct-bilirubin" in steps(plan(jaundice, Family.BILIRUBIN))


def test_a_child_is_asked_for_what_is_urgent_and_not_for_an_adults_work_up() -> None:
    child = man(multiples(ALT, {0: 30, 1: 30}), birth_date=date(2012, 1, 1))
    now = {"same-day-assessment", "repeat-hepatic-panel"}
    assert set(steps(plan(child, at=2))) == {*now, "guardian-education"}


def test_an_urgent_alert_is_seen_the_same_day_and_its_causes_within_two_weeks() -> None:
    given = plan(man(multiples(ALT, {0: 30, 1: 30})), at=2)
    due = {step.name: (step.due, step.priority) for step in given.steps}
    assert due["same-day-assessment"] == (DAY_0, Tier.URGENT)
    assert due["hepatitis-b-serology"] == (day_of(15), Tier.SOON)
    assert due["repeat-hepatic-panel"] == (day_of(2), Tier.URGENT)  # another panel than that of day 1


def test_what_became_urgent_later_is_due_from_then_on() -> None:
    course = multiples(ALT, {0: 1, 30: "2.5", 40: 30})
    given = plan(man(course, medications=[drug("isoniazid", day_of(5))]), at=41)
    due = {step.name: step.due for step in given.steps if step.priority is Tier.URGENT}
    assert {due[name] for name in ("same-day-assessment", "medication-review", "patient-education")} == {
        day_of(40)
    }


def test_a_steep_worsening_is_seen_the_same_day_for_what_it_is() -> None:
    given = plan(man(multiples(ALT, {0: 2, 30: 2, 60: 12})), at=61)
    (same_day,) = (step for step in given.steps if step.name == "same-day-assessment")
    assert same_day.kinds == (Kind.WORSENING,)


def _alerting(source: str) -> Sequence[Episode]:
    return [
        episode
        for assessment in assessments(source).values()
        for episode in assessment.episodes
        if episode.tier is not None and episode.family is not Family.FOLLOW_UP
    ]


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the public data sets are not at {DATA}")
@pytest.mark.parametrize("source", ["synthea", "pbcseq", "cdiscpilot"])
def test_no_alert_of_the_public_records_is_without_a_step_or_asks_for_one_that_is_done(source: str) -> None:
    found = _alerting(source)
    assert found
    for episode in found:
        asked, done = steps(episode.plan), {each.name for each in episode.plan.done}
        if episode.resolved is not None or episode.deceased:
            assert episode.plan == Plan()
            continue
        assert "repeat-hepatic-panel" in asked
        assert len(asked) == len(set(asked))
        assert all(step.kinds for step in episode.plan.steps)
        for step in episode.plan.steps:
            rule = rules()[rule_code(step.kinds[0], step.criteria)]
            assert step.name in (*rule.orders, *rule.work_up)
        assert not done & set(asked)
        assert {*asked, *done} <= orderables().keys()
        assert not {"same-day-assessment", "prompt-re-evaluation"} <= set(asked)
        assert "hepatology-referral" not in asked or "liver-elastography" in {*asked, *done}


def answered(what: str, answer: Answer, on: date) -> Measurement:
    return Measurement(ResultKey("lab", what), what, on, answer=answer)


CHOLESTATIC = multiples(ALP, {0: 2, 100: 2, 200: 2})
LOOKED_AT = [examined("ultrasound", day_of(150))]
NO_AMA = answered("ama", Answer.NEGATIVE, day_of(160))


def mrcp(record: PatientRecord, at: int = 210) -> list[date]:
    """The days on which it is due, if asked for."""
    return [step.due for step in plan(record, Family.CHOLESTATIC, at).steps if step.name == "mrcp"]


def test_dilated_ducts_ask_for_mrcp_at_once() -> None:
    ducts = answered("bile-duct-dilatation", Answer.POSITIVE, day_of(205))
    record = man(CHOLESTATIC, measurements=[ducts])
    assert mrcp(record) == [day_of(205) + timedelta(days=84)]
    worse = man(multiples(ALP, {0: 2, 100: 2, 200: 4}), measurements=[ducts])
    assert mrcp(worse) == [day_of(205) + timedelta(days=14)]


def test_ducts_that_were_dilated_long_ago_ask_for_nothing() -> None:
    ducts = answered("bile-duct-dilatation", Answer.POSITIVE, day_of(-170))
    assert mrcp(man(CHOLESTATIC, measurements=[ducts])) == []


def test_lasting_cholestasis_that_ultrasound_and_antibodies_do_not_explain_asks_for_mrcp() -> None:
    record = man(CHOLESTATIC, measurements=[NO_AMA], done=LOOKED_AT)
    assert mrcp(record) == [MET + timedelta(days=84)]
    not_dilated = answered("bile-duct-dilatation", Answer.NEGATIVE, day_of(150))
    assert mrcp(man(CHOLESTATIC, measurements=[NO_AMA, not_dilated], done=LOOKED_AT)) != []


@pytest.mark.parametrize(
    ("measurements", "done"),
    [
        ([], LOOKED_AT),
        ([NO_AMA], []),
        ([NO_AMA], [examined("ultrasound", day_of(150), Progress.ORDERED)]),
        ([answered("ama", Answer.POSITIVE, day_of(160))], LOOKED_AT),
        ([answered("ama", Answer.UNCLEAR, day_of(160))], LOOKED_AT),
        ([NO_AMA], [*LOOKED_AT, examined("mrcp", day_of(170))]),
    ],
    ids=["no AMA", "no ultrasound", "ultrasound only ordered", "AMA positive", "AMA unclear", "MRCP done"],
)
def test_mrcp_waits_for_what_comes_before_it_and_is_not_asked_for_twice(
    measurements: list[Measurement], done: list[Done]
) -> None:
    assert mrcp(man(CHOLESTATIC, measurements=measurements, done=done)) == []


def test_other_elevations_and_those_that_do_not_last_ask_for_no_mrcp() -> None:
    ducts = answered("bile-duct-dilatation", Answer.POSITIVE, day_of(150))
    given = plan(man(multiples(ALT, LASTING), measurements=[NO_AMA, ducts], done=LOOKED_AT))
    assert "mrcp" not in steps(given)


def test_an_mrcp_that_was_done_shows_the_mri_too() -> None:
    assert ("examination:mrcp",) in orderables()["liver-mri"].done_by


@pytest.mark.parametrize(
    ("answer", "asked"), [(Answer.POSITIVE, True), (Answer.UNCLEAR, False), (Answer.NEGATIVE, False)]
)
def test_cirrhosis_that_imaging_or_a_biopsy_found_asks_for_a_referral(answer: Answer, asked: bool) -> None:
    cirrhosis = answered("cirrhosis", answer, day_of(150))
    given = steps(plan(man(multiples(ALT, LASTING), measurements=[cirrhosis])))
    assert ("hepatology-referral" in given) is asked
