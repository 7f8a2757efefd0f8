"""What a Patient states of ethnicity and language: rules ask for neither; measures are told apart by them."""

from typing import Any, Final

from service.fhir.human_name import one_line

LONGEST: Final = 64
"""Characters that are kept."""

_US_CORE: Final = tuple(
    f"http://hl7.org/fhir/us/core/StructureDefinition/us-core-{what}" for what in ("race", "ethnicity")
)
_UK_CORE: Final = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-EthnicCategory"


def ethnicity_in(extensions: Any) -> str | None:
    """In the record's own words; of US Core race and ethnicity together. None where nothing is stated.

    Args:
        extensions: `Patient.extension` as it came.
    """
    told = {each.get("url"): each for each in _objects(extensions) if isinstance(each.get("url"), str)}
    if _UK_CORE in told:
        return _words(told[_UK_CORE].get("valueCodeableConcept"))
    stated = [_us_core(told[url]) for url in _US_CORE if url in told]
    return _cut(", ".join(each for each in stated if each))


def language_in(communication: Any) -> str | None:
    """The language to speak with the patient, the preferred one of several: BCP 47 (`zh-CN`), else words.

    Args:
        communication: `Patient.communication` as it came.
    """
    told = sorted(_objects(communication), key=lambda each: each.get("preferred") is not True)
    for each in told:
        language = each.get("language")
        for coding in _objects(language.get("coding") if isinstance(language, dict) else None):
            if code := _cut(coding.get("code")):
                return code
        if words := _words(language):
            return words
    return None


def _us_core(extension: dict[str, Any]) -> str | None:
    """Its text, which every one has; else the display of its broad category."""
    parts = _objects(extension.get("extension"))
    text = next((_cut(each.get("valueString")) for each in parts if each.get("url") == "text"), None)
    broad = (_display(each.get("valueCoding")) for each in parts if each.get("url") == "ombCategory")
    return text or next(broad, None)


def _words(concept: Any) -> str | None:
    if not isinstance(concept, dict):
        return None
    displays = (_display(each) for each in _objects(concept.get("coding")))
    return next(filter(None, displays), None) or _cut(concept.get("text"))


def _display(coding: Any) -> str | None:
    return (_cut(coding.get("display")) or _cut(coding.get("code"))) if isinstance(coding, dict) else None


def _objects(given: Any) -> list[dict[str, Any]]:
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []


def _cut(given: Any) -> str | None:
    return one_line(given)[:LONGEST].strip() or None
