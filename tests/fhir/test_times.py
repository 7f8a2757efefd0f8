"""FHIR dates and times: what they say exactly, and what is refused."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.defects import Defect
from service.fhir.times import first_day, last_day, moment

BERLIN = ZoneInfo("Europe/Berlin")
EAST = timezone(timedelta(hours=14))
WEST = timezone(-timedelta(hours=5))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2024-03-01T08:15:00+14:00", datetime(2024, 3, 1, 8, 15, tzinfo=EAST)),
        ("2024-03-01T08:15:00-05:00", datetime(2024, 3, 1, 8, 15, tzinfo=WEST)),
        ("2024-03-01T08:15:00Z", datetime(2024, 3, 1, 8, 15, tzinfo=UTC)),
        ("2024-03-01T08:15:00z", datetime(2024, 3, 1, 8, 15, tzinfo=UTC)),
        ("2024-03-01 08:15Z", datetime(2024, 3, 1, 8, 15, tzinfo=UTC)),
        ("2024-03-01T08:15:00-0500", datetime(2024, 3, 1, 8, 15, tzinfo=WEST)),
        ("2024-03-01T08:15:00.1234567891Z", datetime(2024, 3, 1, 8, 15, 0, 123456, tzinfo=UTC)),
        ("2024-03-01T08:15:00.5-05:00", datetime(2024, 3, 1, 8, 15, 0, 500000, tzinfo=WEST)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2023-12-31T24:00:00Z", datetime(2024, 1, 1, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
        ("2024-03-01T08:15:00-00:00", datetime(2024, 3, 1, 8, 15, tzinfo=UTC)),
    ],
)
def test_a_time_keeps_its_own_offset_and_day(text: str, at: datetime) -> None:
    read = moment(text, None)
    assert read is not None
    assert read == at
    assert read.utcoffset() == at.utcoffset()
    assert read.date() == at.date()


def test_a_time_without_zone_takes_that_of_the_source() -> None:
    assert moment("2024-07-01T08:15:00", BERLIN) == datetime(2024, 7, 1, 6, 15, tzinfo=UTC)
    assert moment("2024-07-01", BERLIN) == datetime(2024, 6, 30, 22, tzinfo=UTC)
    day = moment("2024-07-01", BERLIN)
    assert day is not None
    assert day.date() == date(2024, 7, 1)


@pytest.mark.parametrize("text", ["2024", "2024-02"])
def test_a_month_or_a_year_is_no_moment(text: str) -> None:
    assert moment(text, BERLIN) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2024-03-01T08:15:00", "no-zone"),
        ("2024-03-01T08:15", "no-zone"),
        ("", "unreadable-time"),
        ("yesterday", "unreadable-time"),
        ("2024-02-30", "unreadable-time"),
        ("2023-02-29T10:00:00Z", "unreadable-time"),
        ("2024-13", "unreadable-time"),
        ("2024-00-10", "unreadable-time"),
        ("2024-03-01T25:00:00Z", "unreadable-time"),
        ("2024-03-01T24:00:01Z", "unreadable-time"),
        ("2024-03-01T08:15:00+14:01", "unreadable-time"),
        ("2024-03-01T08:15:00-15:00", "unreadable-time"),
        ("2024-03-01T08:15:00+05:99", "unreadable-time"),
        ("2024-W09-5", "unreadable-time"),
        ("2024-061", "unreadable-time"),
        ("20240301", "unreadable-time"),
        ("20240301T081500Z", "unreadable-time"),
        ("2024-03-01T0815Z", "unreadable-time"),
        ("2024-03-01T08:15:00+01:00:30", "unreadable-time"),
        ("\u0662\u0660\u0662\u0664-03-01", "unreadable-time"),
        ("0001-01-01T00:00:00+14:00", "implausible-time"),
        ("0001-01-01", "implausible-time"),
        ("0000", "implausible-time"),
        ("1899-12-31", "implausible-time"),
        ("9999-12-31T23:59:59-14:00", "implausible-time"),
        ("9999", "implausible-time"),
    ],
)
def test_what_is_no_time_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(Defect) as caught:
        moment(text, None)
    assert caught.value.reason == reason


@given(st.text("0123456789-+:.TZ W", max_size=30) | st.text(max_size=12), st.sampled_from([None, BERLIN]))
def test_any_text_is_a_moment_that_arithmetic_can_bear_or_a_defect(text: str, zone: ZoneInfo | None) -> None:
    first_day(text)
    last_day(text)
    try:
        at = moment(text, zone)
    except Defect:
        return
    if at is not None:
        assert at.utcoffset() is not None
        assert at.astimezone(UTC) + timedelta(days=400) > at


@given(st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30), timezones=st.just(WEST)))  # noqa: DTZ001
def test_a_time_written_is_the_time_read(at: datetime) -> None:
    assert moment(at.isoformat(), None) == at


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2024-02-10", date(2024, 2, 10), date(2024, 2, 10)),
        ("2024-02-10T23:00:00-05:00", date(2024, 2, 10), date(2024, 2, 10)),
        ("2024-02-31", None, None),
        ("0000", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
)
def test_a_partial_date_is_a_span_of_days(text: str | None, first: date | None, last: date | None) -> None:
    assert first_day(text) == first
    assert last_day(text) == last
