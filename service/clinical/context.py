"""What of a patient, on a given day, changes how a result is read: age, pregnancy, drugs."""

from collections.abc import Sequence
from datetime import date, timedelta

from service.clinical.catalogues import drugs, pregnancies
from service.clinical.months import add_months
from service.clinical.results import Condition, Medication, PatientRecord
from service.clinical.rulebook import Rulebook


class Context:
    """Answers by day, for one record. Drugs are looked at only when a rule asks."""

    def __init__(self, record: PatientRecord, rulebook: Rulebook) -> None:
        self._medications = record.medications
        self._pregnancies = pregnant_periods(record.conditions, rulebook.rules.urgent.pregnancy.longest_days)
        self._adult_from: date | None = None
        if record.birth_date is not None:
            self._adult_from = add_months(record.birth_date, 12 * rulebook.rules.limits.adult_age_years)

    def changes_limits(self, since: date | None) -> bool:
        """Whether on any day from `since` on (None: on none) the patient is a child, or a pregnancy known."""
        return bool(self._pregnancies) or (since is not None and self.child(since))

    def child(self, day: date) -> bool:
        """Known to be under the adult age on `day`; an unknown birth date is taken as adult."""
        return self._adult_from is not None and day < self._adult_from

    def pregnant(self, day: date) -> bool:
        """A recorded pregnancy covers `day`."""
        return any(start <= day <= end for start, end in self._pregnancies)

    def anticoagulated(self, day: date) -> bool:
        """A drug that raises the INR is recorded for `day`."""
        return any(
            taken_on(drug, day) and drugs.raises_inr(drug.codings, drug.text) for drug in self._medications
        )

    def hepatotoxic(self, day: date) -> tuple[str, ...]:
        """The possibly hepatotoxic ingredients recorded for `day`, in alphabetical order."""
        found: set[str] = set()
        for drug in self._medications:
            if taken_on(drug, day):
                found.update(drugs.hepatotoxic(drug.codings, drug.text))
        return tuple(sorted(found))


def taken_on(drug: Medication, day: date) -> bool:
    """Whether the record says the drug was taken on `day`; an unknown start is taken as before it."""
    if drug.start is not None and day < drug.start:
        return False
    return drug.current if drug.end is None else day <= drug.end


def pregnant_periods(conditions: Sequence[Condition], longest_days: int) -> tuple[tuple[date, date], ...]:
    """First and last day of each recorded pregnancy.

    Records seldom close a pregnancy: without an end it counts for `longest_days` from its start, without a
    start for as long before its end. One with neither date cannot be placed and does not count. One that is
    over at an unknown time counts until the latest day it can have lasted, and no longer than an open one.
    """
    longest = timedelta(days=longest_days)
    periods = []
    for condition in conditions:
        if not pregnancies.is_pregnancy(condition.codings, condition.text):
            continue
        if not condition.active:
            if condition.start is not None and condition.end is not None:
                periods.append((condition.start, min(condition.end, condition.start + longest)))
        elif condition.start is not None:
            periods.append((condition.start, condition.end or condition.start + longest))
        elif condition.end is not None:
            periods.append((condition.end - longest, condition.end))
    return tuple(periods)
