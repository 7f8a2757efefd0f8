"""A DiagnosticReport → the results that it contains. Most reports only link to theirs, which come alone."""

from typing import Final

from service.fhir import codes, wire
from service.fhir.incoming import Ignored
from service.fhir.observation import Content, observed
from service.fhir.origin import Origin
from service.fhir.references import Subject

_STATUS: Final = {"partial": "preliminary", "appended": "amended", "modified": "amended"}
"""Statuses that only reports have, by what they mean for a result without one of its own."""


def reported(given: wire.DiagnosticReport, origin: Origin) -> tuple[Content, Subject]:
    """What a report says, and whose it is: as an Observation that contains the same would.

    Its results are known by the report and by their ids in it. What they do not say themselves, their status,
    time and patient, they have from the report. A report that contains nothing is ignored unless it has been
    retracted: an older version of it may have contained something.
    """
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
