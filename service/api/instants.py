"""FHIR date search (R4, 3.1.1.4.5) on an instant: a prefix, and a date that may be partial, as a range."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Literal, get_args

from service.errors import InvalidResource

Prefix = Literal["eq", "ne", "lt", "gt", "ge", "le", "sa", "eb"]

_FORM: Final = re.compile(
    r"(?P<prefix>[a-z]{2})?(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(T(?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<zone>Z|[+ -]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class DateQuery:
    """One value of a date parameter."""

    prefix: Prefix
    low: datetime | None
    """The first instant of the range, in UTC; None: before all time."""
    high: datetime | None
    """The first instant after it; None: after all time."""


def parse_date_query(text: str, parameter: str) -> DateQuery:
    """Read `ge2026-01`, `2026-01-31T10:00Z` and the like; a time that states no zone is UTC.

    Raises:
        InvalidResource: naming the parameter, never the value.
    """
    match = _FORM.fullmatch(text)
    prefix = (match["prefix"] or "eq") if match else ""
    if match is None or prefix not in get_args(Prefix):
        raise _refused(parameter)
    try:
        zone = _zone(match["zone"])
        first = datetime(
            int(match["year"]),
            int(match["month"] or 1),
            int(match["day"] or 1),
            int(match["hour"] or 0),
            int(match["minute"] or 0),
            int(match["second"] or 0),
            int((match["fraction"] or "0")[:6].ljust(6, "0")),
            tzinfo=zone,
        )
    except ValueError:
        raise _refused(parameter) from None
    return DateQuery(prefix, _utc(first), _utc(_end(first, match)))  # type: ignore[arg-type]


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    # In a query a plus sign that was not escaped arrives as a space.
    sign = -1 if text[0] == "-" else 1
    if int(text[4:]) > 59:
        raise ValueError("minutes")
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[4:])))


def _end(first: datetime, match: re.Match[str]) -> datetime | None:
    """The first instant after the range that begins with `first`; None beyond the calendar."""
    try:
        if match["month"] is None:
            return first.replace(year=first.year + 1)
        if match["day"] is None:
            return (first + timedelta(days=31)).replace(day=1)
        if match["hour"] is None:
            return first + timedelta(days=1)
        if match["second"] is None:
            return first + timedelta(minutes=1)
        digits = min(len(match["fraction"] or ""), 6)
        return first + timedelta(microseconds=10 ** (6 - digits))
    except (OverflowError, ValueError):
        return None


def _utc(moment: datetime | None) -> datetime | None:
    try:
        return moment.astimezone(UTC) if moment is not None else None
    except OverflowError:
        return None


def _refused(parameter: str) -> InvalidResource:
    prefixes = ", ".join(get_args(Prefix))
    return InvalidResource(
        f"{parameter}: give a date or instant such as 2026, 2026-01-31 or 2026-01-31T10:00:00Z, "
        f"with one of {prefixes} before it if need be"
    )
