"""What becomes of somebody's alerts under another rulebook, from the episodes that each finds."""

from collections.abc import Sequence

from service.alerts.alert import Action, Alert
from service.alerts.comparing import Compared, Outcome, compare, raised_anew
from service.clinical.episodes import Assessment, Episode, Family, Tier
from tests.alerts.making import decision, episode, keys, moment

NOW = moment(300)


def alerts(*episodes: Episode) -> list[Alert]:
    return list(raised_anew(1, Assessment(episodes, None), (), NOW).alerts)


def compared(before: Sequence[Episode], after: Sequence[Episode]) -> list[Compared]:
    return list(compare(alerts(*before), alerts(*after)))


def test_an_alert_of_the_same_results_and_tier_is_unchanged() -> None:
    (only,) = compared([episode(1, 2)], [episode(1, 2, 3)])
    assert only.outcome is Outcome.UNCHANGED
    assert only.alert.episode.evidence == keys(1, 2, 3)


def test_another_tier_is_told_with_both() -> None:
    (only,) = compared([episode(1, tier=Tier.SOON)], [episode(1, tier=Tier.URGENT)])
    assert only.outcome is Outcome.TIER_CHANGED
    assert only.before is not None
    assert only.before.tier is Tier.SOON
    assert only.alert.tier is Tier.URGENT


def test_an_elevation_that_no_longer_alerts_is_lost_and_one_that_does_now_is_gained() -> None:
    silent, loud = episode(1, tier=None), episode(1)
    assert [each.outcome for each in compared([loud], [silent])] == [Outcome.LOST]
    assert [each.outcome for each in compared([silent], [loud])] == [Outcome.GAINED]
    assert compared([silent], [silent]) == []


def test_alerts_of_different_families_are_never_the_same() -> None:
    found = compared([episode(1)], [episode(1, family=Family.CHOLESTATIC)])
    assert [each.outcome for each in found] == [Outcome.GAINED, Outcome.LOST]


def test_where_one_becomes_two_it_stays_with_most_of_its_evidence_and_the_other_is_gained() -> None:
    large, small = episode(1, 2, 3), episode(4)
    found = {each.alert.episode: each.outcome for each in compared([episode(1, 2, 3, 4)], [large, small])}
    assert found == {large: Outcome.UNCHANGED, small: Outcome.GAINED}


def test_where_two_become_one_the_earlier_is_it_and_the_later_is_lost() -> None:
    first, second = episode(1, 2), episode(8, 9)
    became, lost = compared([first, second], [episode(1, 2, 8, 9)])
    assert became.before is not None
    assert became.before.episode == first
    assert lost.outcome is Outcome.LOST
    assert lost.alert.episode == second


def test_decisions_count_as_they_do_for_a_record_that_is_judged() -> None:
    taken = decision(1, Action.TAKE, 1, at=20, by="Ada")
    (alert,) = raised_anew(1, Assessment((episode(1),), None), (taken,), NOW).alerts
    assert (alert.owner, alert.dispositions) == ("Ada", (taken.id,))
