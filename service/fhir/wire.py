"""The parts of FHIR resources that this service reads, and nothing else: R4, R4B and R5 alike.

Every field is optional and may be null, unknown fields are skipped. Numbers are exact: a JSON number with a
fraction or an exponent becomes a Decimal, one without an int. `Any` marks a field whose type is checked where it
is used; `Raw` one whose presence alone matters, or that is decoded later.
"""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

Anything = Raw | UnsetType


class Meta(Struct, gc=False):
    """`lastUpdated` and `versionId` are checked where they are used."""

    versionId: Any = None
    lastUpdated: Any = None


class Coding(Struct, gc=False):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Struct):
    coding: list[Coding] | None = None
    text: str | None = None


class Quantity(Struct, gc=False):
    value: Any = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Identifier(Struct, gc=False):
    system: str | None = None
    value: str | None = None


class Reference(Struct, gc=False):
    reference: str | None = None
    type: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class Period(Struct, gc=False):
    start: str | None = None
    end: str | None = None


class AgeRange(Struct, gc=False):
    low: Quantity | None = None
    high: Quantity | None = None


class ReferenceRange(Struct):
    low: Quantity | None = None
    high: Quantity | None = None
    type: CodeableConcept | None = None
    appliesTo: list[CodeableConcept] | None = None
    age: AgeRange | None = None


class Annotation(Struct, gc=False):
    text: str | None = None


class Measured(Struct):
    """What an Observation and a component of one have in common."""

    code: CodeableConcept | None = None
    valueQuantity: Quantity | None = None
    valueString: str | None = None
    valueInteger: Any = None
    valueCodeableConcept: Anything = UNSET
    valueBoolean: Anything = UNSET
    valueRange: Anything = UNSET
    valueRatio: Anything = UNSET
    valueSampledData: Anything = UNSET
    valueTime: Anything = UNSET
    valueDateTime: Anything = UNSET
    valuePeriod: Anything = UNSET
    valueAttachment: Anything = UNSET
    valueReference: Anything = UNSET
    dataAbsentReason: Anything = UNSET
    interpretation: list[CodeableConcept] | None = None
    referenceRange: list[ReferenceRange] | None = None


class Resource(Struct):
    """What any resource has; decoded alone when a resource is of no type that is read."""

    resourceType: str | None = None
    id: str | None = None
    meta: Meta | None = None


class Observation(Measured, tag_field="resourceType", tag="Observation"):
    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    subject: Reference | None = None
    effectiveDateTime: str | None = None
    effectiveInstant: str | None = None
    effectivePeriod: Period | None = None
    effectiveTiming: Anything = UNSET
    issued: str | None = None
    note: list[Annotation] | None = None
    specimen: Reference | None = None
    component: list[Measured] | None = None
    hasMember: Anything = UNSET
    contained: list[Raw] | None = None


class PatientLink(Struct):
    other: Reference | None = None
    type: str | None = None


class Patient(Struct, tag_field="resourceType", tag="Patient"):
    id: str | None = None
    meta: Meta | None = None
    gender: str | None = None
    birthDate: str | None = None
    deceasedBoolean: bool | None = None
    deceasedDateTime: str | None = None
    link: list[PatientLink] | None = None
    identifier: list[Identifier] | None = None


class Condition(Struct, tag_field="resourceType", tag="Condition"):
    id: str | None = None
    meta: Meta | None = None
    clinicalStatus: CodeableConcept | None = None
    verificationStatus: CodeableConcept | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    onsetDateTime: str | None = None
    onsetPeriod: Period | None = None
    abatementDateTime: str | None = None
    abatementPeriod: Period | None = None
    recordedDate: str | None = None


class Repeat(Struct):
    boundsPeriod: Period | None = None
    boundsDuration: Quantity | None = None


class Timing(Struct):
    repeat: Repeat | None = None


class Dosage(Struct):
    timing: Timing | None = None


class DispenseRequest(Struct):
    validityPeriod: Period | None = None


class CodeableReference(Struct):
    concept: CodeableConcept | None = None
    reference: Reference | None = None


class Drug(Struct):
    """What the three medication resources have in common; `medication` is R5."""

    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    medication: CodeableReference | None = None
    subject: Reference | None = None
    contained: list[Raw] | None = None


class MedicationRequest(Drug, tag_field="resourceType", tag="MedicationRequest"):
    intent: str | None = None
    doNotPerform: bool | None = None
    authoredOn: str | None = None
    dosageInstruction: list[Dosage] | None = None
    dispenseRequest: DispenseRequest | None = None


class MedicationStatement(Drug, tag_field="resourceType", tag="MedicationStatement"):
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    dateAsserted: str | None = None


class MedicationAdministration(Drug, tag_field="resourceType", tag="MedicationAdministration"):
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    occurenceDateTime: str | None = None
    """R5, spelled as the specification spells it."""
    occurencePeriod: Period | None = None


class Specimen(Struct):
    """A contained Specimen, for the state it came in."""

    condition: list[CodeableConcept] | None = None
    note: list[Annotation] | None = None


class Named(Struct):
    """A contained (or bundled) Patient or Medication, for what names it."""

    resourceType: str | None = None
    id: str | None = None
    identifier: list[Identifier] | None = None
    code: CodeableConcept | None = None


class Salvage(Struct):
    """A resource whose fields do not have the types they should: each is then tried by itself."""

    resourceType: Any = None
    id: Any = None
    meta: Anything = UNSET
    status: Any = None
    code: Anything = UNSET
    subject: Anything = UNSET
    component: Anything = UNSET
    contained: Anything = UNSET


Read = Observation | Patient | Condition | MedicationRequest | MedicationStatement | MedicationAdministration

read: msgspec.json.Decoder[Read] = msgspec.json.Decoder(Read, float_hook=Decimal)
"""Decodes the types that are read; any other is a ValidationError."""
resource: msgspec.json.Decoder[Resource] = msgspec.json.Decoder(Resource)
contained_observation: msgspec.json.Decoder[Observation] = msgspec.json.Decoder(Observation, float_hook=Decimal)
specimen: msgspec.json.Decoder[Specimen] = msgspec.json.Decoder(Specimen)
named: msgspec.json.Decoder[Named] = msgspec.json.Decoder(Named)
salvage: msgspec.json.Decoder[Salvage] = msgspec.json.Decoder(Salvage)
concept: msgspec.json.Decoder[CodeableConcept] = msgspec.json.Decoder(CodeableConcept)
reference: msgspec.json.Decoder[Reference] = msgspec.json.Decoder(Reference)
meta: msgspec.json.Decoder[Meta] = msgspec.json.Decoder(Meta)
