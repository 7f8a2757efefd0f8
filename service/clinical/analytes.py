"""The liver tests this service follows: their LOINC codes and the unit each is kept in.

This file is the catalogue of laboratory codes. No LOINC literal stands anywhere else.
"""

from enum import StrEnum


class Analyte(StrEnum):
    """A laboratory quantity, independent of the method, the specimen and the unit it was reported in."""

    ALT = "ALT"
    AST = "AST"
    ALP = "ALP"
    GGT = "GGT"
    TOTAL_BILIRUBIN = "TBIL"
    DIRECT_BILIRUBIN = "DBIL"
    ALBUMIN = "ALB"
    PLATELETS = "PLT"
    INR = "INR"
    PROTHROMBIN_TIME = "PT"
    PROTHROMBIN_ACTIVITY = "PTA"
    CREATINE_KINASE = "CK"

    # Enum hashes in Python, and tables keyed by analyte are read for every result: the hash of str will do.
    __hash__ = str.__hash__


LOINC = "http://loinc.org"
"""The code system of every code in :data:`CODES`."""

CANONICAL_UNIT: dict[Analyte, str] = {
    Analyte.ALT: "U/L",
    Analyte.AST: "U/L",
    Analyte.ALP: "U/L",
    Analyte.GGT: "U/L",
    Analyte.TOTAL_BILIRUBIN: "umol/L",
    Analyte.DIRECT_BILIRUBIN: "umol/L",
    Analyte.ALBUMIN: "g/L",
    Analyte.PLATELETS: "10*9/L",
    Analyte.INR: "1",
    Analyte.PROTHROMBIN_TIME: "s",
    Analyte.PROTHROMBIN_ACTIVITY: "%",
    Analyte.CREATINE_KINASE: "U/L",
}
"""UCUM code of the unit each analyte is stored and judged in."""

_CODES_BY_ANALYTE: dict[Analyte, tuple[str, ...]] = {
    Analyte.ALT: ("1742-6", "1743-4", "1744-2", "76625-3", "77144-4"),
    Analyte.AST: ("1920-8", "30239-8", "88112-8"),
    Analyte.ALP: ("6768-6", "1783-0"),
    Analyte.GGT: ("2324-2",),
    Analyte.TOTAL_BILIRUBIN: (
        *("1975-2", "14631-6", "42719-5", "54363-7", "59828-4", "59827-6"),
        *("89871-8", "89872-6", "97770-2", "77137-8", "35194-0"),
    ),
    Analyte.DIRECT_BILIRUBIN: ("1968-7", "14629-0", "35191-6"),
    Analyte.ALBUMIN: (
        *("1751-7", "61151-7", "61152-5", "2862-1", "101198-0"),
        *("54347-0", "62235-7", "62234-0", "76631-1", "77148-5"),
    ),
    Analyte.INR: ("6301-6", "34714-6", "46418-0", "38875-1"),
    Analyte.PROTHROMBIN_TIME: ("5902-2", "5964-2"),
    Analyte.PROTHROMBIN_ACTIVITY: ("5894-1",),
    Analyte.PLATELETS: ("777-3", "26515-7", "778-1", "49497-1", "74464-9", "97995-5", "5907-1"),
    Analyte.CREATINE_KINASE: ("2157-6",),
}

CODES: dict[str, Analyte] = {code: analyte for analyte, codes in _CODES_BY_ANALYTE.items() for code in codes}
"""LOINC code → analyte. Urine bilirubin (1978-6, 5770-3) is not serum bilirubin: left out on purpose."""
