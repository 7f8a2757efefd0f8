"""A measure's course over the months, drawn."""

from service.dashboard.trends import trend
from service.quality.measures import Figure


def test_months_stand_where_they_belong_and_a_gap_stays_a_gap() -> None:
    months = {
        "2025-12": Figure(1, 4),
        "2026-01": Figure(2, 4),
        "2026-03": Figure(4, 4),
        "2026-04": Figure(0, 4),
    }
    found = trend(months, "Alerts taken in time", 112, 32)
    assert found is not None
    # 100 across for five months, 20 up for a share of 1, from an edge of 6.
    assert [(dot.x, dot.y) for dot in found.dots] == [
        ("6.0", "21.0"),
        ("31.0", "16.0"),
        ("81.0", "6.0"),
        ("106.0", "26.0"),
    ]
    assert found.lines == ["6.0,21.0 31.0,16.0", "81.0,6.0 106.0,26.0"]
    assert found.dots[1].words == "2026-01: 2 of 4, 50%"


def test_one_month_is_no_course() -> None:
    assert trend({"2026-01": Figure(1, 2), "2026-02": Figure(0, 0)}, "x", 100, 30) is None
