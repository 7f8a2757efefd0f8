"""When a result was taken: the effective time of its Observation, or else when it was issued."""

from datetime import datetime

from msgspec import UNSET

from service.fhir import wire
from service.fhir.defects import Defect
from service.fhir.origin import Origin
from service.fhir.times import moment


def effective(
    within: wire.Observation, given: wire.Observation, origin: Origin
) -> tuple[datetime, tuple[str, ...]]:
    """The time at its own offset, with the flag `issued-time` where it is only that of the report.

    A contained Observation that does not say has the time of the resource around it; only where neither says
    does it count when they were issued. Of a Period the end counts; of an open one nothing else is known.

    Raises:
        Defect: see `times.moment`; `no-time`; `unreadable-time` for a Timing; `imprecise-date` for a month or
            a year (not quarantined).
    """
    whole = (within,) if within is given else (within, given)
    for each in whole:
        taken = _taken(each, origin)
        if taken is not None:
            return taken, ()
    for each in whole:
        if each.issued is not None:
            return _read(each.issued, "issued", origin), ("issued-time",)
    raise Defect(
        "no-time", "It does not say when it was; the sender must add effectiveDateTime.", "effective"
    )


def _taken(given: wire.Observation, origin: Origin) -> datetime | None:
    text, path = given.effective_date_time, "effectiveDateTime"
    if text is None:
        text, path = given.effective_instant, "effectiveInstant"
    if text is None and given.effective_period is not None:
        text, path = given.effective_period.end, "effectivePeriod.end"
    if text is not None:
        return _read(text, path, origin)
    if given.effective_timing is not UNSET:
        detail = "A Timing does not say when the specimen was taken."
        raise Defect("unreadable-time", detail, "effectiveTiming")
    return None


def _read(text: str, path: str, origin: Origin) -> datetime:
    try:
        at = moment(text, origin.zone)
    except Defect as defect:
        defect.where = path
        raise
    if at is None:
        detail = "Dated to a month or a year only: kept, not trended."
        raise Defect("imprecise-date", detail, path, quarantined=False)
    return at
