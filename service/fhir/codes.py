"""The codes, other than laboratory ones, by which this service understands FHIR resources.

Each is from the FHIR specification (R4) or from SNOMED CT as the specification's examples use it.
"""

from typing import Final

from service.clinical.results import Sex

LOINC_SYSTEMS: Final = frozenset({"http://loinc.org", "https://loinc.org", "urn:oid:2.16.840.1.113883.6.1"})
"""LOINC by its own URI, by a common misspelling of that, and by its OID."""

UCUM_SYSTEMS: Final = frozenset({"http://unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.8"})

SEX_CODES: Final[dict[str, Sex]] = {
    "female": Sex.FEMALE,
    "male": Sex.MALE,
    "f": Sex.FEMALE,
    "m": Sex.MALE,
    "248152002": Sex.FEMALE,
    "248153007": Sex.MALE,
}
"""Administrative gender (FHIR, HL7 v3) and SNOMED CT findings, in lower case; also the words as text."""

NORMAL_RANGE: Final = "normal"
"""The one meaning of a reference range used here (terminology.hl7.org/CodeSystem/referencerange-meaning)."""

HAEMOLYSED_SPECIMEN: Final = frozenset({"HEM"})
"""Specimen condition, HL7 v2 table 0493: hemolyzed."""

OBSERVATION_COUNTS: Final = frozenset({"final", "amended", "corrected"})
OBSERVATION_PRELIMINARY: Final = "preliminary"
OBSERVATION_GONE: Final = frozenset({"entered-in-error", "cancelled"})
OBSERVATION_NOT_YET: Final = frozenset({"registered", "unknown", "specimen-in-process"})

CONDITION_GONE: Final = frozenset({"entered-in-error", "refuted"})
CONDITION_OVER: Final = frozenset({"inactive", "remission", "resolved"})

ENTERED_IN_ERROR: Final = "entered-in-error"
MEDICATION_CURRENT: Final = frozenset({"active", "in-progress", "recorded"})
MEDICATION_HALTED: Final = frozenset({"stopped", "on-hold"})
MEDICATION_OVER: Final = MEDICATION_HALTED | {"completed", "ended"}
MEDICATION_NOT_TAKEN: Final = frozenset(
    {"cancelled", "draft", "intended", "not-done", "not-taken", "preparation"},
)
INTENT_NOT_ORDERED: Final = frozenset({"proposal", "plan"})

DAYS_PER_UNIT: Final[dict[str, str]] = {
    **dict.fromkeys(("a", "yr", "year", "years"), "365.25"),
    **dict.fromkeys(("mo", "month", "months"), "30.4375"),
    **dict.fromkeys(("wk", "week", "weeks"), "7"),
    **dict.fromkeys(("d", "day", "days"), "1"),
    **dict.fromkeys(("h", "hour", "hours"), "0.0416666667"),
}
"""Length in days of the UCUM units of time (and their English words) that ages and durations are given in."""
