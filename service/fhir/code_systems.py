"""One name for each code system, and one spelling for each code, however a record writes them.

Source of URIs and OIDs: FHIR R4, "Using Codes", external code systems, and HL7's registry of OIDs.
"""

import re
from functools import lru_cache
from typing import Final

from service.clinical.results import Coding

_BY_OID: Final = {
    "2.16.840.1.113883.6.1": "http://loinc.org",
    "2.16.840.1.113883.6.3": "http://hl7.org/fhir/sid/icd-10",
    "2.16.840.1.113883.6.73": "http://www.whocc.no/atc",
    "2.16.840.1.113883.6.88": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "2.16.840.1.113883.6.90": "http://hl7.org/fhir/sid/icd-10-cm",
    "2.16.840.1.113883.6.96": "http://snomed.info/sct",
}
_KNOWN: Final = frozenset(_BY_OID.values())
_ICD_10: Final = frozenset({"http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-10-cm"})
_CAPITALS: Final = _ICD_10 | {"http://www.whocc.no/atc"}
_DOTLESS: Final = re.compile(r"([A-Z][0-9][0-9A-Z])([0-9A-Z]{1,4})")


@lru_cache(maxsize=4096)
def coding(system: str, code: str) -> Coding:
    """A code as the catalogues write it: `k760` of `urn:oid:2.16.840.1.113883.6.90` is ICD-10-CM's `K76.0`.

    What is of no known system, or not spelt as its system does, stays as it is.
    """
    oid = system.strip().removeprefix("urn:oid:")
    plain = re.sub(r"^https:", "http:", system.strip()).rstrip("/")
    name = _BY_OID.get(oid) or (plain if plain in _KNOWN else system)
    spelt = code.strip()
    if name in _CAPITALS:
        spelt = spelt.upper()
    if name in _ICD_10 and (whole := _DOTLESS.fullmatch(spelt)):
        spelt = f"{whole[1]}.{whole[2]}"
    return Coding(name, spelt)
