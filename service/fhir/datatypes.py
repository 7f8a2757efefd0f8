"""The parts of FHIR's data types that this service reads: R4, R4B and R5 alike."""

from typing import Any

from msgspec import Raw, Struct, UnsetType

Anything = Raw | UnsetType
"""A field whose presence alone matters, or that is decoded later."""


class Fhir(Struct, rename="camel"):
    """FHIR's camelCase in JSON, snake_case here."""


class Meta(Fhir, gc=False):
    """`lastUpdated` and `versionId` are checked where they are used."""

    version_id: Any = None
    last_updated: Any = None


class Coding(Fhir, gc=False):
    """A code in a code system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Fhir):
    """Codes that mean the same, and words."""

    coding: list[Coding] | None = None
    text: str | None = None


class Quantity(Fhir, gc=False):
    """`value` is checked where it is used."""

    value: Any = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Identifier(Fhir, gc=False):
    """A business identifier."""

    system: str | None = None
    value: str | None = None


class Reference(Fhir, gc=False):
    """By literal reference, by identifier, or in words."""

    reference: str | None = None
    type: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class Period(Fhir, gc=False):
    """Either end may be open."""

    start: str | None = None
    end: str | None = None


class AgeRange(Fhir, gc=False):
    """The ages a reference range is for."""

    low: Quantity | None = None
    high: Quantity | None = None


class ReferenceRange(Fhir):
    """A reference range; one in words only is not read."""

    low: Quantity | None = None
    high: Quantity | None = None
    type: CodeableConcept | None = None
    applies_to: list[CodeableConcept] | None = None
    age: AgeRange | None = None


class Annotation(Fhir, gc=False):
    """A note."""

    text: str | None = None
