"""The pattern of a liver injury, as ALT and ALP tell it: of one patient, or typical of a drug."""

from enum import StrEnum


class InjuryPattern(StrEnum):
    """Which cells are hurt: R of 5 and over hepatocellular, of 2 and less cholestatic, between mixed."""

    HEPATOCELLULAR = "hepatocellular"
    CHOLESTATIC = "cholestatic"
    MIXED = "mixed"
