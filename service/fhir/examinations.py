"""Procedures, reports and orders: which examinations of the liver were ordered or done.

They are read by their own code or words alone, so that no step is proposed that the record shows.
"""

from datetime import date
from typing import Final

from service.clinical.catalogues.examinations import examination, told_by_results
from service.clinical.results import Coding, Done, Progress
from service.fhir import codes, datatypes, wire
from service.fhir.context import named
from service.fhir.defects import Defect
from service.fhir.incoming import Deleted, Ignored
from service.fhir.origin import Origin
from service.fhir.references import OtherSubjectError, Subject, subject
from service.fhir.times import last_day

_NOBODY: Final = Subject(None)
_NO_PERIOD: Final = datatypes.Period()
_PROGRESS: Final[dict[str, dict[str, Progress]]] = {
    "Procedure": {
        "completed": Progress.DONE,
        **dict.fromkeys(("preparation", "in-progress"), Progress.ORDERED),
    },
    "DiagnosticReport": {
        **dict.fromkeys(("final", "amended", "corrected", "appended", "modified"), Progress.DONE),
        **dict.fromkeys(("partial", "preliminary"), Progress.DONE),
        "registered": Progress.ORDERED,
    },
    "ServiceRequest": {"completed": Progress.DONE, "active": Progress.ORDERED},
}
"""Status → progress, by resource type; with any other the examination is neither ordered nor done."""
_GONE: Final = frozenset({codes.ENTERED_IN_ERROR, "cancelled", "revoked"})

NOT_OF_THE_LIVER: Final = frozenset({"other-code", "other-subject"})
"""Why those are ignored that are no business of ours, whatever their status."""

Examined = wire.Procedure | wire.DiagnosticReport | wire.ServiceRequest


def done(given: Examined, origin: Origin) -> tuple[Done | Deleted | Ignored, Subject]:
    """The examination it speaks of. One that is unknown, of nobody, or without a day is ignored.

    Entered in error, cancelled and revoked are tombstones; proposals and plans (ours among them) no orders.
    """
    kind = type(given).__name__
    try:
        whose = subject(given.subject, origin.links, given.contained)
    except (Defect, OtherSubjectError):
        return (Deleted() if given.status in _GONE else Ignored("other-subject")), _NOBODY
    if given.status in _GONE:
        return Deleted(), whose
    what = examination(*_named(given))
    if what is None or (what in told_by_results() and not isinstance(given, wire.ServiceRequest)):
        return Ignored("other-code"), whose
    progress = _PROGRESS[kind].get(given.status or "")
    if progress is None or (isinstance(given, wire.ServiceRequest) and not _is_ordered(given)):
        return Ignored("not-done"), whose
    day = day_of(given)
    if day is None:
        return Ignored("no-day"), whose
    return Done(f"{kind}/{given.id}", what, day, progress, _ordered_on(given)), whose


def _named(given: Examined) -> tuple[tuple[Coding, ...], str]:
    """R5 writes a ServiceRequest's code as a concept or reference."""
    if isinstance(given, wire.ServiceRequest) and given.code is not None and given.code.concept is not None:
        return named(given.code.concept)
    return named(given.code)


def _is_ordered(given: wire.ServiceRequest) -> bool:
    return given.intent not in codes.INTENT_NOT_ORDERED and given.do_not_perform is not True


def _ordered_on(given: Examined) -> date | None:
    return last_day(given.authored_on) if isinstance(given, wire.ServiceRequest) else None


def day_of(given: Examined) -> date | None:
    """The day it was done, else the day it was ordered or issued."""
    if isinstance(given, wire.Procedure):
        period = given.performed_period or given.occurrence_period or _NO_PERIOD
        stated = (given.performed_date_time, given.occurrence_date_time, period.end, period.start)
    elif isinstance(given, wire.DiagnosticReport):
        period = given.effective_period or _NO_PERIOD
        stated = (given.effective_date_time, period.end, period.start, given.issued)
    else:
        stated = (given.authored_on, given.occurrence_date_time, None, None)
    return next((day for day in map(last_day, stated) if day is not None), None)
