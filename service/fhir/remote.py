"""How a FHIR server says no: errors that know whether trying again can help, and how long to wait first.

They carry the status and the coded part of an OperationOutcome. Bodies may hold patient data and are never
shown.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Final

from service.errors import RemoteError
from service.fhir.required_codes import ISSUE_TYPE

MAX_RETRY_AFTER_SECONDS: Final = 24 * 3600

_SAFE_PLACE = re.compile(r"[A-Za-z][A-Za-z0-9.\[\]]{0,99}")
_PASSING = frozenset({401, 408, 425, 429})
"""4xx that pass: a credential being renewed, a slow or an early request, too many of them."""
_WHOLE_SERVER = frozenset({401, 429, 502, 503, 504})
"""Statuses after which the next request to that server is likely to fail too."""
_NOT_OFFERED = frozenset({403, 404, 405})
GONE: Final = frozenset({404, 410})


class RemoteUnavailable(RemoteError):
    """It may work later: no connection, a time-out, 401, 408, 425, 429, 5xx, a redirect, a broken answer."""

    status: ClassVar[int] = 502

    def __init__(self, message: str, *, retry_after: int | None = None, affects_server: bool = False) -> None:
        super().__init__(message, retry_after=retry_after)
        self.affects_server = affects_server
        """Whether the next request to that server is likely to fail in the same way."""


class RemoteRefused(RemoteError):
    """The server will not take this request, now or later (a permanent 4xx)."""

    status: ClassVar[int] = 502
    issue_code: ClassVar[str] = "processing"

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        """HTTP status it answered with; None where this side refused."""

    @property
    def whole_type(self) -> bool:
        """Whether it is likely to say the same of every resource of that type."""
        return self.code in _NOT_OFFERED


class RemoteConflict(RemoteUnavailable):
    """409 or 412: it has changed meanwhile, or there are several. Looking again helps; repeating does not."""

    issue_code: ClassVar[str] = "conflict"


def failure(code: int, what: str, outcome: Any = None, retry_after: str | None = None) -> RemoteError:
    """The error that an HTTP status means.

    Args:
        code: HTTP status, not a success.
        what: method and resource type, for the message.
        outcome: the decoded body, whatever it is; only issue codes and element paths are taken from it.
        retry_after: the header of that name.
    """
    message = f"{what}: HTTP {code}{_coded(outcome)}"
    if code in (409, 412):
        return RemoteConflict(message)
    if 400 <= code < 500 and code not in _PASSING:
        return RemoteRefused(message, code=code)
    wait = retry_seconds(retry_after, datetime.now(UTC))
    return RemoteUnavailable(message, retry_after=wait, affects_server=code in _WHOLE_SERVER)


def _coded(outcome: Any) -> str:
    """The issue codes and places of an OperationOutcome, where they are plainly that; never its words."""
    issues = outcome.get("issue") if isinstance(outcome, dict) else None
    said = []
    for issue in issues[:3] if isinstance(issues, list) else []:
        if isinstance(issue, dict) and issue.get("code") in ISSUE_TYPE:
            places = issue.get("expression")
            place = places[0] if isinstance(places, list) and places else ""
            plain = isinstance(place, str) and _SAFE_PLACE.fullmatch(place)
            said.append(f"{issue['code']} at {place}" if plain else issue["code"])
    return f" ({', '.join(said)})" if said else ""


def retry_seconds(header: str | None, now: datetime) -> int | None:
    """Seconds that a Retry-After header asks for, at most a day; None where there is none to be understood.

    Args:
        header: seconds, or an HTTP date.
        now: what a date is compared with (aware).
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), MAX_RETRY_AFTER_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(int((moment - now).total_seconds()) + 1, 0), MAX_RETRY_AFTER_SECONDS)
