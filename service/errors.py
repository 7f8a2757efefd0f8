"""One tree of errors. Each knows the HTTP status it answers with and the FHIR issue code that names it.

Messages name what, where and what to do. They never carry patient data: no values, names or identifiers
from a payload, only paths, line numbers, resource types and limits.
"""

from typing import ClassVar


class LiverwatchError(Exception):
    """Base of every error this service raises on purpose."""

    status: ClassVar[int] = 500
    """HTTP status code."""
    issue_code: ClassVar[str] = "exception"
    """A code of http://hl7.org/fhir/issue-type."""

    def __init__(self, message: str, *, where: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        """A path into the payload (`Observation.valueQuantity.value`, `Bundle.entry[3]`, `line 7`)."""
        self.retry_after = retry_after
        """Seconds after which the caller should try again."""


class MalformedInput(LiverwatchError):
    """The bytes are not what they claim to be: broken JSON, duplicate keys, NaN, too deep."""

    status = 400
    issue_code = "structure"


class InvalidResource(LiverwatchError):
    """Well-formed JSON that is not a FHIR resource this endpoint can take."""

    status = 400
    issue_code = "invalid"


class Unauthenticated(LiverwatchError):
    """No credential, or a wrong one."""

    status = 401
    issue_code = "login"


class Forbidden(LiverwatchError):
    """A valid credential that does not reach this far."""

    status = 403
    issue_code = "forbidden"


class NotFound(LiverwatchError):
    """Nothing of that name here (or nothing this credential may see)."""

    status = 404
    issue_code = "not-found"


class Erased(LiverwatchError):
    """It was here, and was erased when its time of retention had ended."""

    status = 410
    issue_code = "deleted"


class Conflict(LiverwatchError):
    """The thing has changed since the caller looked, or the step is not allowed in its state."""

    status = 409
    issue_code = "conflict"


class InvalidDecision(LiverwatchError):
    """What a person decided about an alert lacks a date, a reason or a name, or has one too many."""

    status = 422
    issue_code = "business-rule"


class TooLarge(LiverwatchError):
    """Over a configured limit of bytes or entries."""

    status = 413
    issue_code = "too-long"


class UnsupportedMediaType(LiverwatchError):
    """Not JSON."""

    status = 415
    issue_code = "not-supported"


class Overloaded(LiverwatchError):
    """The queue is full or the database is away: nothing was taken, try again."""

    status = 503
    issue_code = "transient"


class ConfigurationError(LiverwatchError):
    """A setting, rulebook or source definition that cannot be used; names the field and what it accepts."""

    issue_code = "exception"


class Damaged(LiverwatchError):
    """Something that was stored is missing, or is not what was stored; names the table and the row."""


class RemoteError(LiverwatchError):
    """A FHIR server answered with something that is not success."""

    issue_code = "transient"
