"""Whether a laboratory says the specimen was haemolysed: it raises AST and CK, and disturbs bilirubin."""

import re
from collections.abc import Iterable
from typing import Final

from msgspec import DecodeError

from service.clinical.analytes import Analyte
from service.fhir import codes, datatypes, wire

AFFECTED: Final = frozenset({Analyte.AST, Analyte.CREATINE_KINASE, Analyte.DIRECT_BILIRUBIN})

_SAID = re.compile(r"h(?:ae|e|ä)moly[sz]", re.IGNORECASE)
"""Haemolysed, haemolysis: not "haemolytic", which is said of an anaemia more often than of a specimen."""
_DENIED = re.compile(
    r"(?:\b(?:no|not|non|without|absent|negative for|nil)\b[\s-]*(?:\w+\s+){0,2}h(?:ae|e|ä)moly[sz]\w*"
    r"|h(?:ae|e|ä)moly[sz]\w*(?:\s+(?:index|screen))?\s*[:=]?\s*"
    r"(?:not\b|no\b|none\b|absent\b|negative\b|nil\b|normal\b|may\b|can\b|could\b)"
    r"|h(?:ae|e|ä)moly[sz]\w*\s+(?:index|screen)\s*[:=]?\s*[<>]?=?\s*[0-9])",
    re.IGNORECASE,
)
"""Denied, said of specimens in general, or an index, whose number means something only to its laboratory."""


def is_haemolysed(measured: wire.Measured, *whole: wire.Observation) -> bool:
    """By interpretation or by the condition of the contained Specimen, as HL7 `HEM` or in words.

    A text that only denies it ("no haemolysis") does not count. Free text does not either (a note, the name
    of the specimen): it tells of the method, of former illness or of an index as often as of the specimen.
    """
    if says_haemolysed(measured.interpretation):
        return True
    for observation in whole:
        if observation.interpretation and says_haemolysed(observation.interpretation):
            return True
        if observation.specimen is not None and _specimen(observation.specimen, whole):
            return True
    return False


def _specimen(reference: datatypes.Reference, whole: Iterable[wire.Observation]) -> bool:
    target = reference.reference or ""
    if not target.startswith("#"):
        return False
    for raw in [raw for observation in whole for raw in observation.contained or ()]:
        try:
            if wire.resource.decode(raw).id != target[1:]:
                continue
            specimen = wire.specimen.decode(raw)
        except DecodeError:
            continue
        if says_haemolysed(specimen.condition):
            return True
    return False


def says_haemolysed(concepts: list[datatypes.CodeableConcept] | None) -> bool:
    """Whether any of these concepts (an interpretation, a specimen's condition) says so."""
    for concept in concepts or ():
        if _says(concept.text):
            return True
        for coding in concept.coding or ():
            if coding.code in codes.HAEMOLYSED_SPECIMEN or _says(coding.display) or _says(coding.code):
                return True
    return False


def _says(text: str | None) -> bool:
    return text is not None and _SAID.search(_DENIED.sub("", text)) is not None
