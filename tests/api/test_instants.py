"""FHIR dates in searches, as ranges."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.instants import parse_date_query
from service.errors import InvalidResource


def moment(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2024", moment(2024, 1, 1), moment(2025, 1, 1)),
        ("2024-02", moment(2024, 2, 1), moment(2024, 3, 1)),
        ("2024-12", moment(2024, 12, 1), moment(2025, 1, 1)),
        ("2024-02-29", moment(2024, 2, 29), moment(2024, 3, 1)),
        ("2024-02-29T10:20Z", moment(2024, 2, 29, 10, 20), moment(2024, 2, 29, 10, 21)),
        ("2024-02-29T10:20:30", moment(2024, 2, 29, 10, 20, 30), moment(2024, 2, 29, 10, 20, 31)),
        (
            "2024-02-29T10:20:30.5Z",
            moment(2024, 2, 29, 10, 20, 30, 500000),
            moment(2024, 2, 29, 10, 20, 30, 600000),
        ),
        ("2024-02-29T10:20:30+02:00", moment(2024, 2, 29, 8, 20, 30), moment(2024, 2, 29, 8, 20, 31)),
        ("2024-02-29T10:20:30 02:00", moment(2024, 2, 29, 8, 20, 30), moment(2024, 2, 29, 8, 20, 31)),
        ("2024-02-29T10:20:30-00:30", moment(2024, 2, 29, 10, 50, 30), moment(2024, 2, 29, 10, 50, 31)),
        ("9999", moment(9999, 1, 1), None),
        ("9999-12-31T23:59:59.999999Z", moment(9999, 12, 31, 23, 59, 59, 999999), None),
        ("9999-12-31T23:59:59-12:00", None, None),
    ],
)
def test_a_partial_date_is_the_whole_of_what_it_names(
    text: str, low: datetime | None, high: datetime | None
) -> None:
    query = parse_date_query(text, "_lastUpdated")
    assert (query.prefix, query.low, query.high) == ("eq", low, high)


def test_an_instant_lies_in_the_range_that_its_own_text_names() -> None:
    shown = datetime(2024, 8, 20, 12, 0, 0, 123_999, tzinfo=UTC)
    query = parse_date_query(shown.isoformat(timespec="milliseconds"), "_lastUpdated")
    assert query.low is not None
    assert query.high is not None
    assert query.low <= shown < query.high
    assert query.high - query.low == timedelta(milliseconds=1)


@given(
    st.text(max_size=40)
    | st.from_regex(r"[a-z]{0,3}\d{4}(-\d\d){0,2}(T\d\d:\d\d(:\d\d(\.\d{1,12})?)?(Z|[+-]\d\d:\d\d)?)?")
)
def test_whatever_is_given_is_read_or_refused(text: str) -> None:
    try:
        query = parse_date_query(text, "_lastUpdated")
    except InvalidResource:
        return
    assert query.low is None or query.high is None or query.low < query.high
