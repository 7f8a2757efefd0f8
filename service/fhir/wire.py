"""The parts of FHIR resources that this service reads, and nothing else: R4, R4B and R5 alike.

Every field is optional and may be null, unknown fields are skipped. Numbers are exact: a JSON number with a
fraction or an exponent becomes a Decimal, one without an int. `Any` marks a field whose type is checked where
it is used; `Raw` one whose presence alone matters, or that is decoded later.
"""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from service.fhir.datatypes import (
    Annotation,
    Anything,
    CodeableConcept,
    Fhir,
    Identifier,
    Meta,
    Period,
    Quantity,
    Reference,
    ReferenceRange,
)

_MAX_NUMBER = 64
"""Characters of a number with a fraction or an exponent."""


class Measured(Fhir):
    """What an Observation and a component of one have in common."""

    code: CodeableConcept | None = None
    value_quantity: Quantity | None = None
    value_string: str | None = None
    value_integer: Any = None
    value_codeable_concept: Anything = UNSET
    value_boolean: Anything = UNSET
    value_range: Anything = UNSET
    value_ratio: Anything = UNSET
    value_sampled_data: Anything = UNSET
    value_time: Anything = UNSET
    value_date_time: Anything = UNSET
    value_period: Anything = UNSET
    value_attachment: Anything = UNSET
    value_reference: Anything = UNSET
    data_absent_reason: Anything = UNSET
    interpretation: list[CodeableConcept] | None = None
    reference_range: list[ReferenceRange] | None = None


class Resource(Fhir):
    """What any resource has; decoded alone when a resource is of no type that is read."""

    resource_type: str | None = None
    id: str | None = None
    meta: Meta | None = None


class Observation(Measured, tag_field="resourceType", tag="Observation"):
    """R4 and R5."""

    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    subject: Reference | None = None
    effective_date_time: str | None = None
    effective_instant: str | None = None
    effective_period: Period | None = None
    effective_timing: Anything = UNSET
    issued: str | None = None
    note: list[Annotation] | None = None
    specimen: Reference | None = None
    component: list[Measured] | None = None
    has_member: Anything = UNSET
    contained: list[Raw] | None = None


class PatientLink(Fhir):
    """A link to another Patient resource."""

    other: Reference | None = None
    type: str | None = None


class Patient(Fhir, tag_field="resourceType", tag="Patient"):
    """Of a Patient, what changes how results are read, and whose they are."""

    id: str | None = None
    meta: Meta | None = None
    name: Any = None
    gender: str | None = None
    birth_date: str | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None
    link: list[PatientLink] | None = None
    identifier: list[Identifier] | None = None
    communication: Any = None
    extension: Any = None


class Condition(Fhir, tag_field="resourceType", tag="Condition"):
    """A problem or state."""

    id: str | None = None
    meta: Meta | None = None
    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    onset_date_time: str | None = None
    onset_period: Period | None = None
    abatement_date_time: str | None = None
    abatement_period: Period | None = None
    recorded_date: str | None = None


class Repeat(Fhir):
    """Only what bounds it."""

    bounds_period: Period | None = None
    bounds_duration: Quantity | None = None


class Timing(Fhir):
    """Only what bounds it."""

    repeat: Repeat | None = None


class Dosage(Fhir):
    """Only when."""

    timing: Timing | None = None


class DispenseRequest(Fhir):
    """Only how long it is valid."""

    validity_period: Period | None = None


class CodeableReference(Fhir):
    """R5: a concept or a reference."""

    concept: CodeableConcept | None = None
    reference: Reference | None = None


class Drug(Fhir):
    """What the three medication resources have in common; `medication` is R5."""

    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    medication: CodeableReference | None = None
    subject: Reference | None = None
    contained: list[Raw] | None = None


class MedicationRequest(Drug, tag_field="resourceType", tag="MedicationRequest"):
    """An order."""

    intent: str | None = None
    do_not_perform: bool | None = None
    authored_on: str | None = None
    dosage_instruction: list[Dosage] | None = None
    dispense_request: DispenseRequest | None = None


class MedicationStatement(Drug, tag_field="resourceType", tag="MedicationStatement"):
    """A report that a drug is taken."""

    effective_date_time: str | None = None
    effective_period: Period | None = None
    date_asserted: str | None = None


class MedicationAdministration(Drug, tag_field="resourceType", tag="MedicationAdministration"):
    """A drug given."""

    effective_date_time: str | None = None
    effective_period: Period | None = None
    occurence_date_time: str | None = None
    """R5, spelled as the specification spells it."""
    occurence_period: Period | None = None


class Examination(Fhir):
    """What a Procedure and a DiagnosticReport have in common with an order."""

    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    subject: Reference | None = None
    contained: list[Raw] | None = None


class Procedure(Examination, tag_field="resourceType", tag="Procedure"):
    """Something done to the patient; `occurrence` is R5."""

    code: CodeableConcept | None = None
    performed_date_time: str | None = None
    performed_period: Period | None = None
    occurrence_date_time: str | None = None
    occurrence_period: Period | None = None


class DiagnosticReport(Examination, tag_field="resourceType", tag="DiagnosticReport"):
    """A report: what was examined, and the Observations it contains with what it says for them.

    `result` only links to others.
    """

    code: CodeableConcept | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    issued: str | None = None
    specimen: list[Reference] | None = None
    conclusion_code: Anything = UNSET


class Orderable(CodeableConcept):
    """A concept (R4), or a concept or reference (R5)."""

    concept: CodeableConcept | None = None


class ServiceRequest(Examination, tag_field="resourceType", tag="ServiceRequest"):
    """An order."""

    code: Orderable | None = None
    intent: str | None = None
    do_not_perform: bool | None = None
    authored_on: str | None = None
    occurrence_date_time: str | None = None


class Specimen(Fhir):
    """A contained Specimen, for the state it came in."""

    condition: list[CodeableConcept] | None = None


class Named(Fhir):
    """A contained (or bundled) Patient or Medication, for what names it."""

    resource_type: str | None = None
    id: str | None = None
    identifier: list[Identifier] | None = None
    code: CodeableConcept | None = None


class Salvage(Fhir):
    """A resource whose fields do not have the types they should: each is then tried by itself."""

    resource_type: Any = None
    id: Any = None
    meta: Anything = UNSET
    status: Any = None
    code: Anything = UNSET
    subject: Anything = UNSET
    component: Anything = UNSET
    contained: Anything = UNSET


def number(text: str) -> Decimal:
    """An exact number. One too long to be a measurement ends the decoding before it costs anything."""
    if len(text) > _MAX_NUMBER:
        raise OverflowError
    return Decimal(text)


observation: msgspec.json.Decoder[Observation] = msgspec.json.Decoder(Observation, float_hook=number)
resource: msgspec.json.Decoder[Resource] = msgspec.json.Decoder(Resource)
specimen: msgspec.json.Decoder[Specimen] = msgspec.json.Decoder(Specimen)
named: msgspec.json.Decoder[Named] = msgspec.json.Decoder(Named)
salvage: msgspec.json.Decoder[Salvage] = msgspec.json.Decoder(Salvage)
concept: msgspec.json.Decoder[CodeableConcept] = msgspec.json.Decoder(CodeableConcept)
reference: msgspec.json.Decoder[Reference] = msgspec.json.Decoder(Reference)
meta: msgspec.json.Decoder[Meta] = msgspec.json.Decoder(Meta)
