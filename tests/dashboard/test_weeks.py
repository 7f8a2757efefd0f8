"""The chart of new alerts week by week, as coordinates."""

from datetime import date

from service.dashboard.weeks import weeks

ENDS = date(2026, 1, 14)


def test_each_week_is_a_point_on_one_scale_for_both() -> None:
    made = weeks([0, 2], [4, 0], ENDS, 112, 112)
    assert made.most == 4
    assert made.before == "6.0,106.0 106.0,56.0"
    assert made.after == "6.0,6.0 106.0,106.0"


def test_it_says_which_days_it_covers() -> None:
    made = weeks([0, 2], [4, 0], ENDS, 112, 112)
    assert (made.begins, made.ends) == (date(2026, 1, 1), ENDS)


def test_weeks_without_any_alert_lie_on_the_ground() -> None:
    made = weeks([0, 0], [0, 0], ENDS, 112, 112)
    assert made.before == made.after == "6.0,106.0 106.0,106.0"
    assert "0 in all" in made.words
