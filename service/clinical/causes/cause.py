"""A candidate cause as the record shows it. Types only; the one door is `candidates`."""

from dataclasses import dataclass
from enum import StrEnum

from service.clinical.results import ResultKey


class CauseName(StrEnum):
    """The causes that are looked for; `catalogues/causes.toml` says what each is called."""

    MUSCLE = "muscle-injury"
    SLEEP = "short-sleep"
    ALCOHOL = "alcohol"
    FATTY_LIVER = "fatty-liver"
    HEPATITIS_B = "hepatitis-b"
    HEPATITIS_C = "hepatitis-c"
    DRUG = "drug-injury"
    HAEMOCHROMATOSIS = "haemochromatosis"
    WILSON = "wilson-disease"
    AUTOIMMUNE = "autoimmune-hepatitis"
    COELIAC = "coeliac-disease"
    THYROID = "thyroid-disease"
    BILIARY = "biliary"
    ALPHA_1_ANTITRYPSIN = "alpha-1-antitrypsin"
    ACUTE_VIRAL = "acute-hepatitis-a-e"
    CIRCULATORY = "circulatory"
    HAEMOLYSIS = "haemolysis"
    GILBERT = "gilbert-syndrome"
    CONTRIBUTORS = "contributors"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that the record says, or does not say, of a cause."""

    words: str
    """With the value, its date and the bound it was held to, as a reader wants it."""
    results: tuple[ResultKey, ...] = ()
    """The results and measurements it rests on."""
    resources: tuple[str, ...] = ()
    """`Type/id` of the conditions, medications and examinations it rests on."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A candidate: never a diagnosis, and never ranked as one."""

    name: CauseName
    speaks_for: tuple[Evidence, ...] = ()
    speaks_against: tuple[Evidence, ...] = ()
    unknown: tuple[Evidence, ...] = ()
    """What was looked for and is not in the record."""
    notes: tuple[Evidence, ...] = ()
    """For information: it speaks neither for nor against, and is no order."""
