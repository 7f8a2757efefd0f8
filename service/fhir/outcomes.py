"""OperationOutcomes: how every answer says what happened. They never echo what was sent."""

from typing import Any

from service.errors import LiverwatchError
from service.fhir.outgoing import to_bytes
from service.fhir.required_codes import ISSUE_TYPE


def operation_outcome(error: LiverwatchError) -> dict[str, Any]:
    """The OperationOutcome that says what went wrong, where, and when to try again."""
    issue: dict[str, Any] = {
        "severity": "error",
        "code": error.issue_code if error.issue_code in ISSUE_TYPE else "exception",
        "diagnostics": error.message or "The request could not be handled.",
    }
    if error.retry_after is not None:
        issue["diagnostics"] += f" Try again in {error.retry_after} s."
    if error.where:
        # R4 wants simple FHIRPath in `expression`; a place in the bytes ("line 7") is told in words instead.
        if error.where[0].isupper() and " " not in error.where:
            issue["expression"] = [error.where]
        else:
            issue["diagnostics"] += f" Place: {error.where}."
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def success_outcome(message: str = "Accepted.") -> dict[str, Any]:
    """The OperationOutcome of a request that was taken; some senders insist on a FHIR body in the answer."""
    issue = {"severity": "information", "code": "informational", "diagnostics": message}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def outcome_bytes(error: LiverwatchError | None = None) -> bytes:
    """The body to answer with: of the error, or of success where there is none."""
    return to_bytes(success_outcome() if error is None else operation_outcome(error))
