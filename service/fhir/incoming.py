"""What decoding hands on: one resource as it was received, and what it says to this service. Types only."""

from datetime import date, datetime
from typing import Final, NamedTuple

from service.clinical.results import Condition, Done, LabResult, Measurement, Medication, Sex


RESULT_TYPES: Final = frozenset({"Observation", "DiagnosticReport"})
"""The resource types that hold results."""


class Problem(NamedTuple):
    """A part of a usable resource that says nothing usable."""

    reason: str
    """A short machine code, as in :class:`Unusable`."""
    where: str
    """A FHIRPath from the resource down (`Observation.component[2].valueQuantity`)."""
    detail: str
    """What is wrong and what to do about it; never anything of the payload."""
    quarantined: bool = True
    """False where nothing is wrong: a result without a value, or dated to a month, is kept, not trended."""


class Observed(NamedTuple):
    """An Observation of liver tests or of their context, or a report that contains some.

    Its results, possibly none, replace those of every earlier version.
    """

    results: tuple[LabResult, ...]
    problems: tuple[Problem, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    """Context: no rule alerts by it."""
    done: tuple[Done, ...] = ()
    """The examination that a report is of, at most one."""


class PatientFacts(NamedTuple):
    """What a Patient says that changes how results are read, or whose they are."""

    sex: Sex | None
    birth_date: date | None
    """A year or a month alone is read as its first day."""
    deceased: bool
    replaced_by: str | None = None
    """Id of the Patient that this one was merged into."""
    replaces: tuple[str, ...] = ()
    """Ids of the Patients that were merged into this one."""
    identifiers: tuple[tuple[str, str], ...] = ()
    """(system, value); system is empty where none is given."""
    problems: tuple[Problem, ...] = ()
    names: tuple[str, ...] = ()
    """As a person reads them, the one in use first."""
    born: str = ""
    """The birth date as it was stated, to the day, the month or the year; empty where it is not known."""
    ethnicity: str | None = None
    """In the record's own words."""
    language: str | None = None
    """To speak with the patient: BCP 47, or words where no code is stated."""


class Deleted(NamedTuple):
    """It no longer exists or never should have: a tombstone that no older version revives."""


class Ignored(NamedTuple):
    """Well-formed, and nothing in it for this service. It still ends what an earlier version of it said."""

    reason: str
    """`other-type`, `other-code`, `other-subject`, `not-taken`, `not-done`, `no-day`, `unreadable-context`,
    `read-request`."""


class Unusable(NamedTuple):
    """It should say something and cannot be used: quarantine. It too ends what an earlier version said."""

    reason: str
    """A short machine code: `unknown-unit`, `implausible-value`, `no-time`, `no-patient`, `no-id`, ..."""
    where: str
    """A FHIRPath from the resource down."""
    detail: str
    """What is wrong and what to do about it; never anything of the payload."""


Content = Observed | PatientFacts | Condition | Medication | Done | Deleted | Ignored | Unusable


class Incoming(NamedTuple):
    """One resource, as received."""

    type: str
    """Resource type; empty where it cannot be told."""
    id: str
    """Logical id; empty where it has none (its content is then Unusable or Ignored)."""
    version_id: str | None
    last_updated: datetime | None
    """Aware, or None where absent or unreadable."""
    raw: bytes
    """This resource's own bytes, verbatim; `decode_resource` reads them again to the same effect.

    Of a Bundle's entry that says something only together with others (a reference to a fullUrl, an address to
    be put to, a delete), an extract of the Bundle that holds the entry's bytes and what it needs.
    """
    patient: str | None
    """Id of its Patient in the same source; of a Patient its own. None where unknown."""
    patient_identifier: tuple[str, str] | None
    """(system, value) of its Patient, where the Patient is named by identifier and not by reference."""
    content: Content
