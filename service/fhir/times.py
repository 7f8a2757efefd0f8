"""FHIR dates and times: exact in precision and offset, lenient in spelling where it is unambiguous."""

import calendar
import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from service.clinical.months import POSSIBLE_YEARS
from service.fhir.defects import Defect

_FORM = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?)?)?",
)
_DATE_LENGTH = 10
_HOUR = 60
_MAX_OFFSET = timedelta(hours=14)
_OFFSETS = frozenset(
    ["Z"]
    + [f"{sign}{hour:02}:{minute:02}" for sign in "+-" for hour in range(14) for minute in (0, 15, 30, 45)]
)
_MICROSECOND_DIGITS = 6


def moment(text: str, zone: tzinfo | None) -> datetime | None:
    """The instant a FHIR dateTime or instant names, at its own offset; None when it names a month or a year.

    A date alone is the start of that day in `zone`, or in UTC where there is none, so that `.date()` is
    always the day stated. A leap second is read as the second before it, 24:00 as the start of the next day;
    digits beyond microseconds are cut.

    Raises:
        Defect: `unreadable-time`; `no-zone` for a time of day without offset while `zone` is None;
            `implausible-time` before 1900 or from 2200 on.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return _moment(text, zone)
    # The library reads more forms than FHIR has (week dates, 20240131): it is trusted with the usual one.
    if at.year in POSSIBLE_YEARS:
        if text[4:17:3] == "--T::" and (
            text[19:] in _OFFSETS or (text[19:20] == "." and text[23:] in _OFFSETS)
        ):
            return at
        if len(text) == _DATE_LENGTH and text[4:8:3] == "--":
            return at.replace(tzinfo=zone or UTC)
    return _moment(text, zone)


def _moment(text: str, zone: tzinfo | None) -> datetime | None:
    """As `moment`, for everything but the plain form."""
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise Defect("unreadable-time", "Not a FHIR date or time; the sender must mend it.")
    if int(form["year"]) not in POSSIBLE_YEARS:
        raise Defect(
            "implausible-time", "Before 1900 or after 2199: probably a placeholder; the sender must mend it."
        )
    try:
        if form["day"] is None:
            date(int(form["year"]), int(form["month"] or 1), 1)
            return None
        return _assembled(form, _zone(form, zone))
    except ValueError:
        raise Defect("unreadable-time", "No such date or time exists; the sender must mend it.") from None


def _zone(form: re.Match[str], zone: tzinfo | None) -> tzinfo:
    stated = form["zone"]
    if stated is None:
        if zone is None and form["hour"] is not None:
            raise Defect("no-zone", "A time without an offset: set the source's time zone, then replay.")
        return zone or UTC
    if stated in "Zz":
        return UTC
    hours, minutes = int(stated[1:3]), int(stated[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    if offset > _MAX_OFFSET or minutes >= _HOUR:
        raise Defect(
            "unreadable-time", "No such offset from UTC (at most 14 hours); the sender must mend it."
        )
    return timezone(-offset if stated[0] == "-" else offset)


def _assembled(form: re.Match[str], zone: tzinfo) -> datetime:
    """Raises ValueError for a date or time that does not exist."""
    hour, minute, second = (int(form[part] or 0) for part in ("hour", "minute", "second"))
    fraction = int((form["fraction"] or "0")[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0"))
    end_of_day = (hour, minute, second, fraction) == (24, 0, 0, 0)
    if second == 60:
        second, fraction = 59, 999_999
    day = datetime(int(form["year"]), int(form["month"]), int(form["day"]), tzinfo=zone)
    if end_of_day:
        return day + timedelta(days=1)
    return day.replace(hour=hour, minute=minute, second=second, microsecond=fraction)


def first_day(text: str | None) -> date | None:
    """The first day a FHIR date or dateTime can mean; None when it is absent, unreadable or a placeholder."""
    return _day(text, last=False)


def last_day(text: str | None) -> date | None:
    """The last day a FHIR date or dateTime can mean; None when it is absent, unreadable or a placeholder."""
    return _day(text, last=True)


def _day(text: str | None, *, last: bool) -> date | None:
    form = _FORM.fullmatch(text.strip()) if text else None
    if form is None or (year := int(form["year"])) not in POSSIBLE_YEARS:
        return None
    try:
        month = int(form["month"] or (12 if last else 1))
        day = int(form["day"] or (calendar.monthrange(year, month)[1] if last else 1))
        return date(year, month, day)
    except ValueError:
        return None
