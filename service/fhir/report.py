"""A DiagnosticReport → what it contains, what it is of, and what it concludes.

Most reports of a laboratory only link to their results, which come alone.
"""

from typing import Final

from service.clinical.results import Done
from service.fhir import codes, wire
from service.fhir.examinations import NOT_OF_THE_LIVER, done
from service.fhir.findings import concluded
from service.fhir.incoming import Ignored, Observed
from service.fhir.observation import Content, observed
from service.fhir.origin import Origin
from service.fhir.references import Subject, subject

_STATUS: Final = {"partial": "preliminary", "appended": "amended", "modified": "amended"}
"""Statuses that only reports have, by what they mean for a result without one of its own."""


def reported(given: wire.DiagnosticReport, origin: Origin) -> tuple[Content | Done, Subject]:
    """What a report says, and whose it is.

    What it contains is read as in an Observation that contains the same: known by the report and by ids in
    it; status, time and patient, where not said, are those of the report. A report that holds nothing of all
    this is ignored unless it has been retracted: an older version of it may have held something.
    """
    content, whose = _contained(given, origin)
    examined, of_whom = done(given, origin)
    found = concluded(given, origin)
    if found and isinstance(content, Ignored):
        content, whose = Observed(()), subject(given.subject, origin.links, given.contained)
    if isinstance(content, Observed):
        was_done = (examined,) if isinstance(examined, Done) else ()
        return content._replace(measurements=content.measurements + found, done=was_done), whose
    if not isinstance(content, Ignored):
        return content, whose
    if isinstance(examined, Ignored) and examined.reason in NOT_OF_THE_LIVER:
        return content, whose
    return examined, of_whom


def _contained(given: wire.DiagnosticReport, origin: Origin) -> tuple[Content, Subject]:
    if not given.contained and given.status not in codes.OBSERVATION_GONE:
        return Ignored("other-type"), Subject(None)
    kind = "DiagnosticReport"
    specimens = given.specimen or ()
    whole = wire.Observation(
        id=f"{kind}/{given.id}",
        status=_STATUS.get(given.status or "", given.status),
        subject=given.subject,
        effective_date_time=given.effective_date_time,
        effective_period=given.effective_period,
        issued=given.issued,
        specimen=specimens[0] if len(specimens) == 1 else None,
        contained=given.contained,
    )
    return observed(whole, origin, kind)
