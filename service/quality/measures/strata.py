"""By what the people and things behind a measure are told apart."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError

from service.clinical.ages import AGES, age_band
from service.quality.measures.cases import Strata
from service.store.measured import Subject

NOT_KNOWN: Final = "not known"
REASON: Final = "reason"

HEADINGS: Final[Mapping[str, str]] = {
    "source": "Source",
    "sex": "Sex",
    "age": "Age",
    "ethnicity": "Ethnicity",
    "language": "Language",
    "tier": "Urgency when raised",
    "tier-now": "Urgency now",
    "family": "Finding",
    "rule": "Rule",
    "test": "Test",
}
"""Each dimension's heading, in the order in which they are shown; the first five are of every measure."""


def strata_of(subject: Subject, day: date, sources: Mapping[int, str]) -> Strata:
    """Those of whom a case is about: each of the dimensions of every measure once."""
    age = AGES[age_band(subject.born, day)][0] if subject.born is not None else NOT_KNOWN
    sex = subject.sex if subject.sex not in (None, "unknown") else NOT_KNOWN
    return (
        ("source", sources[subject.source_id]),
        ("sex", sex),
        ("age", age),
        ("ethnicity", subject.ethnicity or NOT_KNOWN),
        ("language", language_in_words(subject.language) if subject.language else NOT_KNOWN),
    )


@lru_cache(maxsize=512)
def language_in_words(code: str) -> str:
    """The English name of a language by its BCP 47 code, whatever the region; what is no code stays."""
    try:
        name = Locale.parse(code.partition("-")[0].lower()).get_language_name("en")
    except (ValueError, UnknownLocaleError):
        return code
    return name or code
