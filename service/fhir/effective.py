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

    A contained Observation that says nothing itself has the time of the Observation around it. Of a Period
    the end counts; of an open one nothing is known but when it was issued.

    Raises:
        Defect: see `times.moment`; `no-time`; `unreadable-time` for a Timing; `imprecise-date` for a month or
            a year (not quarantined).
    """
    when = _stated(within, origin)
    if when is None and within is not given:
        when = _stated(given, origin)
    if when is None:
        raise Defect(
            "no-time", "It does not say when it was; the sender must add effectiveDateTime.", "effective"
        )
    return when


def _stated(given: wire.Observation, origin: Origin) -> tuple[datetime, tuple[str, ...]] | None:
    text, path, flags = given.effective_date_time, "effectiveDateTime", ()
    if text is None:
        text, path = given.effective_instant, "effectiveInstant"
    if text is None and given.effective_period is not None:
        text, path = given.effective_period.end, "effectivePeriod.end"
    if text is None:
        return _otherwise(given, origin)
    return _read(text, path, origin), flags


def _otherwise(given: wire.Observation, origin: Origin) -> tuple[datetime, tuple[str, ...]] | None:
    if given.effective_timing is not UNSET:
        raise Defect(
            "unreadable-time", "A Timing does not say when the specimen was taken.", "effectiveTiming"
        )
    if given.issued is None:
        return None
    return _read(given.issued, "issued", origin), ("issued-time",)


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
