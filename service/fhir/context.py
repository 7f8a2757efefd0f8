"""Conditions and drugs: the context in which results are read."""

from collections.abc import Iterable
from datetime import date, timedelta

import msgspec

from service.clinical.results import Coding, Condition, Medication
from service.fhir import codes, datatypes, quantities, wire
from service.fhir.code_systems import coding
from service.fhir.defects import Defect
from service.fhir.incoming import Deleted, Ignored, Unusable
from service.fhir.origin import Origin
from service.fhir.references import OtherSubjectError, Subject, find_contained, subject
from service.fhir.times import first_day, last_day, moment

_NOBODY = Subject(None)
_NO_PERIOD = datatypes.Period()
_MAX_DAYS = 36_500


def condition(
    given: wire.Condition, origin: Origin
) -> tuple[Condition | Deleted | Ignored | Unusable, Subject]:
    """A Condition with the period it held.

    Refuted and entered in error are tombstones. Without an onset, the day it was recorded is its start. One
    that is over without saying since when held at most until the day this version was written.
    """
    verification = _codes(given.verification_status)
    try:
        whose = subject(given.subject, origin.links)
    except (Defect, OtherSubjectError) as error:
        if verification & codes.CONDITION_GONE:
            return Deleted(), _NOBODY
        return _nobody("Condition", error), _NOBODY
    if verification & codes.CONDITION_GONE:
        return Deleted(), whose
    codings, text = named(given.code)
    if not codings and not text:
        return Unusable("no-code", "Condition.code", "It does not say what the condition is."), whose
    onset, abatement = given.onset_period or _NO_PERIOD, given.abatement_period or _NO_PERIOD
    start = first_day(given.onset_date_time) or first_day(onset.start) or first_day(given.recorded_date)
    end = last_day(given.abatement_date_time) or last_day(abatement.end)
    active = end is not None or not (_codes(given.clinical_status) & codes.CONDITION_OVER)
    if not active and start is not None:
        end = _written(given.meta, origin)
    return Condition(codings, text, start, end, active, f"Condition/{given.id}"), whose


def medication(
    given: wire.MedicationRequest | wire.MedicationStatement | wire.MedicationAdministration, origin: Origin
) -> tuple[Medication | Deleted | Ignored | Unusable, Subject]:
    """A drug that was ordered, reported or given, with its period.

    Ignored as not taken: drafts, proposals and plans, orders cancelled or forbidding, drugs not taken. One
    that is over without saying since when was taken at most until the day this version was written: a drug
    stopped for what the results show was still taken when they were measured.
    """
    kind = type(given).__name__
    try:
        whose = subject(given.subject, origin.links, given.contained)
    except (Defect, OtherSubjectError) as error:
        if given.status == codes.ENTERED_IN_ERROR:
            return Deleted(), _NOBODY
        return _nobody(kind, error), _NOBODY
    if given.status == codes.ENTERED_IN_ERROR:
        return Deleted(), whose
    if given.status in codes.MEDICATION_NOT_TAKEN or not _is_ordered(given):
        return Ignored("not-taken"), whose
    codings, text = _drug(given, origin)
    if not codings and not text:
        detail = "Neither a code nor a name of the drug; send it contained, or with a display text."
        return Unusable("no-code", f"{kind}.medication", detail), whose
    start, end = _period(given, _written(given.meta, origin))
    current = given.status in codes.MEDICATION_CURRENT
    return Medication(codings, text, start, end, current, f"{kind}/{given.id}"), whose


def named(concept: datatypes.CodeableConcept | None) -> tuple[tuple[Coding, ...], str]:
    """The codes of a concept, and its text with its displays: a text in any language does not hide them."""
    if concept is None:
        return (), ""
    given = concept.coding or []
    codings = tuple(coding(each.system or "", each.code) for each in given if each.code)
    words = (concept.text, *(each.display for each in given))
    return codings, "; ".join(dict.fromkeys(word for word in words if word))


def _codes(concept: datatypes.CodeableConcept | None) -> frozenset[str]:
    """Its codes; the text stands in where a sender gives no coding."""
    if concept is None:
        return frozenset()
    if not concept.coding:
        return frozenset({(concept.text or "").strip().lower()})
    return frozenset(each.code for each in concept.coding if each.code)


def _nobody(kind: str, error: Exception) -> Ignored | Unusable:
    return error.unusable(kind) if isinstance(error, Defect) else Ignored("other-subject")


def _is_ordered(given: wire.Drug) -> bool:
    if not isinstance(given, wire.MedicationRequest):
        return True
    return given.intent not in codes.INTENT_NOT_ORDERED and given.do_not_perform is not True


def _drug(given: wire.Drug, origin: Origin) -> tuple[tuple[Coding, ...], str]:
    """By its own concept, by the contained or bundled Medication, or at least by the reference's display."""
    reference = given.medication_reference
    if given.medication is not None:
        codings, text = named(given.medication.concept)
        reference = reference or given.medication.reference
    else:
        codings, text = named(given.medication_codeable_concept)
    if codings or text or reference is None:
        return codings, text
    target = reference.reference or ""
    found: wire.Named | None = None
    if target.startswith("#"):
        found = find_contained(target[1:], given.contained or ())
    elif (medication := origin.links.find(target)) is not None:
        try:
            found = wire.named.decode(medication.raw)
        except msgspec.DecodeError:
            found = None
    codings, text = named(found.code if found is not None else None)
    return codings, text or reference.display or ""


def _written(meta: datatypes.Meta | None, origin: Origin) -> date | None:
    """The day this version was written, in the source's zone or else as stated; None if not known."""
    if meta is None or not isinstance(meta.last_updated, str):
        return None
    try:
        at = moment(meta.last_updated, origin.zone)
    except Defect:
        return None
    if at is None:
        return None
    return (at if origin.zone is None else at.astimezone(origin.zone)).date()


def _period(given: wire.Drug, written: date | None) -> tuple[date | None, date | None]:
    """As it states; else, when its status says that it is over, until the day it was `written`."""
    over = written if given.status in codes.MEDICATION_OVER else None
    if isinstance(given, wire.MedicationRequest):
        return _ordered_period(given, over)
    start, end = None, None
    if isinstance(given, wire.MedicationAdministration):
        period = given.effective_period or given.occurence_period or _NO_PERIOD
        at = given.effective_date_time or given.occurence_date_time
        start, end = first_day(at) or first_day(period.start), last_day(at) or last_day(period.end)
        if start is None:
            return None, end
    if isinstance(given, wire.MedicationStatement):
        period = given.effective_period or _NO_PERIOD
        start = (
            first_day(given.effective_date_time) or first_day(period.start) or first_day(given.date_asserted)
        )
        end = last_day(period.end)
    return start, end or over


def _ordered_period(given: wire.MedicationRequest, over: date | None) -> tuple[date | None, date | None]:
    """By the dosage, else by the validity of the dispense request, else from the day it was written.

    The validity says how long the drug may be dispensed, not how long it is taken: it does not end an order
    that is active, nor one that was `over` by being stopped.
    """
    valid = (given.dispense_request and given.dispense_request.validity_period) or _NO_PERIOD
    start, end = _dosed(
        given.dosage_instruction or (), first_day(valid.start) or first_day(given.authored_on)
    )
    if end is not None or given.status in codes.MEDICATION_CURRENT:
        return start, end
    if given.status in codes.MEDICATION_HALTED:
        return start, over or last_day(valid.end)
    return start, last_day(valid.end) or over


def _dosed(dosages: Iterable[wire.Dosage], ordered: date | None) -> tuple[date | None, date | None]:
    """First start and last end over all dosage steps."""
    starts: list[date] = []
    ends: list[date] = []
    for dosage in dosages:
        repeat = dosage.timing.repeat if dosage.timing is not None else None
        if repeat is None:
            continue
        bounds = repeat.bounds_period or _NO_PERIOD
        start, end = first_day(bounds.start), last_day(bounds.end)
        if end is None and repeat.bounds_duration is not None and (start or ordered) is not None:
            end = _after(start or ordered, repeat.bounds_duration)
        starts += [start] if start is not None else []
        ends += [end] if end is not None else []
    return min(starts, default=ordered), max(ends, default=None)


def _after(start: date | None, length: datatypes.Quantity) -> date | None:
    days = codes.DAYS_PER_UNIT.get((length.code or length.unit or "").strip().lower())
    try:
        count = float(quantities.exact(length.value)) * float(days or 0)
    except Defect:
        return None
    if start is None or days is None or not 0 <= count <= _MAX_DAYS:
        return None
    return start + timedelta(days=int(count))
