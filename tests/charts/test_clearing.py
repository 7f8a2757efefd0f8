"""Words on a chart stand as far left as no line of results runs through them."""

import pytest

from service.charts.clearing import Line, Strip, clear_start, width_of

WORDS = Strip(width=0.2, low=1.0, high=1.1)


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ([], 0.0),
        ([(0.0, 0.5), (1.0, 0.9)], 0.0),  # below
        ([(0.0, 2.0), (1.0, 1.2)], 0.0),  # above
        ([(0.0, 1.05), (0.1, 1.05), (0.1, 2.0), (1.0, 2.0)], 0.15),  # through their beginning, then up
        ([(0.1, 0.5), (0.1, 2.0)], 0.15),  # straight up
        ([(0.05, 1.05)], 0.1),  # a single result
        ([(0.0, 0.0), (1.0, 2.0)], 0.0),  # crosses to the right of them
        ([(0.0, 1.05), (1.0, 1.05)], 0.0),  # everywhere
    ],
)
def test_words_stand_clear_of_a_line(line: Line, start: float) -> None:
    assert clear_start(WORDS, [line]) == pytest.approx(start)


def test_words_stand_clear_of_every_line_at_once() -> None:
    assert clear_start(WORDS, [[(0.0, 1.05), (0.12, 1.05)], [(0.4, 0.5), (0.4, 2.0)]]) == pytest.approx(0.15)
    assert clear_start(WORDS, [[(0.0, 1.05), (0.22, 1.05)], [(0.4, 0.5), (0.4, 2.0)]]) == pytest.approx(0.45)


def test_a_wide_letter_takes_more_room() -> None:
    assert width_of("abc") < width_of("正常上限")
    assert width_of("") == 0
