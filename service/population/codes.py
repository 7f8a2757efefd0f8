"""Codes for what is told, all of them from the clinical catalogues: none stands here."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from service.clinical.analytes import CODES, Analyte
from service.clinical.catalogues import drugs, measurements
from service.clinical.catalogues.conditions import known_conditions
from service.clinical.results import Coding

_ATC: Final = "http://www.whocc.no/atc"
_RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
_CODED: Final = frozenset(
    {
        "alcohol-use-disorder",
        "autoimmune-hepatitis",
        "diabetes-type-2",
        "fatty-liver",
        "gilbert-syndrome",
        "haemochromatosis",
        "hypertension",
        "obesity",
        "paget-disease-of-bone",
        "primary-biliary-cholangitis",
    }
)
"""Conditions whose first code in the catalogue is the condition itself; the others are told by their text."""


@cache
def tests() -> Mapping[Analyte, tuple[str, ...]]:
    """LOINC codes of each analyte; of those with several the first is by mass, the second by substance."""
    return {each: tuple(code for code, of in CODES.items() if of is each) for each in Analyte}


@cache
def measurement(name: str) -> str | None:
    """LOINC code of a measurement of the catalogue; None where it has none."""
    return min(measurements.kinds()[name].codes, default=None)


@cache
def condition(name: str) -> Coding | None:
    """The code of a condition of the catalogue, where its first one says no more and no less."""
    if name not in _CODED:
        return None
    return next(each.prefixes[0] for each in known_conditions() if each.name == name)


@cache
def drug(ingredient: str) -> tuple[Coding, ...]:
    """RxNorm and ATC code of an ingredient, as far as the catalogues hold them; none of any other drug."""
    listed = (*drugs.assessed_drugs(), *drugs.hepatoprotective_drugs(), *drugs.anticoagulants())
    for each in listed:
        if each.ingredient == ingredient:
            codes = (*((_RXNORM, code) for code in each.rxnorm[:1]), *((_ATC, code) for code in each.atc[:1]))
            return tuple(Coding(*code) for code in codes)
    return ()
