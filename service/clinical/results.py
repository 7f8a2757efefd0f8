"""What is known of one patient: laboratory results and the context that changes how they are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from service.clinical.analytes import Analyte


class Sex(StrEnum):
    """Administrative sex as far as reference limits depend on it; anything else is unknown (None)."""

    FEMALE = "female"
    MALE = "male"


class Comparator(StrEnum):
    """How a censored value relates to the number given; EXACT for an ordinary, uncensored value."""

    EXACT = ""
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


OPEN_ABOVE = frozenset({Comparator.GREATER, Comparator.GREATER_OR_EQUAL})
"""Of a value reported so, the true one may lie anywhere above the number given."""


class ResultKey(NamedTuple):
    """The identity of one result, whatever its version: evidence is a set of these."""

    source: str
    observation_id: str
    """Id of its Observation; of a result that another resource contains, that one's `Type/id`."""
    sub_key: str = ""
    """Empty for the Observation's own value; otherwise names the component or contained member."""

    @property
    def resource(self) -> str:
        """`Type/id` of the resource that holds it."""
        return self.observation_id if "/" in self.observation_id else f"Observation/{self.observation_id}"


def holder_id(resource: str) -> str:
    """The `observation_id` that results in a resource have, given its `Type/id`."""
    return resource.removeprefix("Observation/")


class ReferenceRange(NamedTuple):
    """A laboratory's own reference range, in the analyte's canonical unit."""

    low: Decimal | None
    high: Decimal | None
    sex: Sex | None = None
    """The range is for this sex only."""
    age_low: Decimal | None = None
    """Lower age limit in years, inclusive."""
    age_high: Decimal | None = None
    """Upper age limit in years, inclusive."""
    other_population: bool = False
    """It applies to a group this service cannot check (a race, a trimester); such a range is never used."""


class LabResult(NamedTuple):
    """One usable laboratory result, in its canonical unit.

    A plain tuple because histories are rebuilt on every judgement and construction time counts.
    """

    key: ResultKey
    analyte: Analyte
    effective: datetime
    """When the specimen was taken (aware)."""
    day: date
    """The calendar day stated by the result's own UTC offset."""
    value: Decimal
    """In the analyte's canonical unit."""
    comparator: Comparator = Comparator.EXACT
    ranges: tuple[ReferenceRange, ...] = ()
    preliminary: bool = False
    """Status `preliminary`: shown, and drives only the urgent rules."""
    flags: tuple[str, ...] = ()
    """`haemolysed`, `issued-time`, `unordered`: shown; `haemolysed` also limits what it may ground."""


class Coding(NamedTuple):
    """A code in a code system."""

    system: str
    code: str


@dataclass(frozen=True, slots=True)
class Condition:
    """A recorded problem or state, with the period it held; None where the record does not say."""

    codings: tuple[Coding, ...]
    text: str
    start: date | None
    end: date | None
    active: bool
    """False when the record says it is inactive or resolved without a date; `end` is then at the latest."""
    reference: str = field(default="", compare=False)
    """`Type/id` of the resource that says so."""


@dataclass(frozen=True, slots=True)
class Medication:
    """A recorded drug, with the period it was taken or ordered for; None where the record does not say."""

    codings: tuple[Coding, ...]
    text: str
    start: date | None
    end: date | None
    current: bool
    """True while the record says the drug is active; with no `end` it then runs on from `start`."""
    reference: str = field(default="", compare=False)
    """`Type/id` of the resource that says so."""


class Answer(StrEnum):
    """What a test that answers in words says."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement or an answer that is context: no rule alerts by it, but it explains what does."""

    key: ResultKey
    what: str
    """Its name in the catalogue of measurements (`ferritin`, `hbsag`, `bmi`)."""
    day: date
    value: Decimal | None = None
    """In `unit`; None for an answer in words."""
    comparator: Comparator = Comparator.EXACT
    unit: str = ""
    low: Decimal | None = None
    """The laboratory's own lower limit, in `unit`."""
    high: Decimal | None = None
    """The laboratory's own upper limit, in `unit`."""
    answer: Answer | None = None
    text: str = ""
    """The answer as it was given, where it is one in words."""


class Progress(StrEnum):
    """How far an examination has come."""

    ORDERED = "ordered"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Done:
    """An examination that was ordered or done, so that nobody is asked to order it again."""

    reference: str
    """`Type/id` of the resource that says so."""
    what: str
    """Its name in the catalogue of examinations (`ultrasound`, `elastography`, `biopsy`)."""
    day: date
    progress: Progress
    ordered_on: date | None = None
    """The day its order was written, where the record says; `day` may be that of an appointment."""


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """Everything one judgement may look at. Results may stand in any order."""

    results: Sequence[LabResult]
    sex: Sex | None = None
    birth_date: date | None = None
    """A year or month alone is read as its first day: the patient is then taken to be as old as possible."""
    deceased: bool = False
    conditions: Sequence[Condition] = field(default=())
    medications: Sequence[Medication] = field(default=())
    measurements: Sequence[Measurement] = field(default=())
    done: Sequence[Done] = field(default=())
