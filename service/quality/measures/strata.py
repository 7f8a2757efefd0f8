"""By what the people and things behind a measure are told apart."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError

from service.clinical.ages import AGES, age_band
from service.quality.measures.cases import Case

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


def strata_of(case: Case, sources: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    """Dimension and stratum of everything that a case is of; each dimension of its measure at least once."""
    subject = case.subject
    yield "source", sources[subject.source_id]
    yield "sex", subject.sex if subject.sex not in (None, "unknown") else NOT_KNOWN
    yield "age", AGES[age_band(subject.born, case.day)][0] if subject.born is not None else NOT_KNOWN
    yield "ethnicity", subject.ethnicity or NOT_KNOWN
    yield "language", language_in_words(subject.language) if subject.language else NOT_KNOWN
    for dimension, labels in case.strata.items():
        for label in labels:
            yield dimension, label


@lru_cache(maxsize=512)
def language_in_words(code: str) -> str:
    """The English name of a language by its BCP 47 code, whatever the region; what is no code stays."""
    try:
        name = Locale.parse(code.partition("-")[0].lower()).get_language_name("en")
    except (ValueError, UnknownLocaleError):
        return code
    return name or code
