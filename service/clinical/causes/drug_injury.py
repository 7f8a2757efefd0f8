"""Drugs, herbs and supplements that may have injured the liver, each by what is known of it and by its times.

What is held against the times is the onset of the episode, and each day on which it was found to worsen or to
be urgent: a drug begun in the middle of an old elevation may be why it rose.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date

from service.clinical.catalogues.drugs import Drug, hepatoprotective, possibly_hepatotoxic, sources
from service.clinical.causes.cause import Cause, CauseName
from service.clinical.causes.on_record import OnRecord, by_time
from service.clinical.causes.weighing import Weighing, name_of
from service.clinical.drug_exposure import Standing, Suspect, suspects
from service.clinical.injury_pattern import InjuryPattern
from service.clinical.results import Medication
from service.clinical.saying import capitalised

_HERBAL = "herbal and dietary supplement"
_STANDINGS = tuple(Standing)
_OPPOSITES = {InjuryPattern.HEPATOCELLULAR, InjuryPattern.CHOLESTATIC}
"""Patterns that do not fit each other; a mixed one fits both."""
_MOST_NAMES = 5
"""Names of harmless drugs that are told."""


def drug_injury(on: OnRecord) -> Cause:
    """Possibly hepatotoxic drugs whose times fit, and those whose times do not; E and E* are no evidence.

    A typical pattern or latency that does not fit speaks against a drug, beside the times that speak for it.
    """
    weighing = Weighing(CauseName.DRUG, on)
    hepatotoxic = [
        each for each in on.readings.record.medications if possibly_hepatotoxic(each.codings, each.text)
    ]
    suspected = _strongest(on, hepatotoxic)
    for suspect, day in suspected.values():
        _in_question(weighing, on, suspect, day)
    left = _left_off(on, hepatotoxic, suspected)
    _times_that_do_not_fit(weighing, on, left)
    if not (suspected or left):
        _what_is_recorded(weighing, on)
    if not any(drug.drug_class == _HERBAL for drug in suspected):
        weighing.unknown(
            "Herbs, supplements, drugs without a prescription: seldom recorded, to be asked for."
        )
    _hepatoprotective(weighing, on)
    return weighing.cause()


def _pattern(on: OnRecord) -> InjuryPattern | None:
    return InjuryPattern(on.r.reading) if on.r.given else None


def _strongest(on: OnRecord, hepatotoxic: Sequence[Medication]) -> dict[Drug, tuple[Suspect, date]]:
    """Each suspected drug with its strongest standing and the day it stands to, of equals the earliest."""
    if not hepatotoxic:
        return {}
    record = replace(on.readings.record, medications=sorted(hepatotoxic, key=by_time))
    rule = on.readings.rulebook.rules.drug_exposure
    found: dict[Drug, tuple[Suspect, date]] = {}
    for day in on.injuries:
        for suspect in suspects(record, day, _pattern(on), rule):
            known = found.get(suspect.drug)
            if known is None or _place(suspect) < _place(known[0]):
                found[suspect.drug] = (suspect, day)
    order = sorted(found.values(), key=lambda each: (_place(each[0]), each[0].drug.ingredient))
    return {suspect.drug: (suspect, day) for suspect, day in order}


def _place(suspect: Suspect) -> int:
    return _STANDINGS.index(suspect.standing)


def _in_question(weighing: Weighing, on: OnRecord, suspect: Suspect, day: date) -> None:
    drug = suspect.drug
    rise = f"{'onset' if day == on.onset else 'rise'} on {day}"
    words = [f"{_known_of(drug)}: {_taken(suspect)}; {rise}: {_stands(suspect, on)}."]
    if drug.pattern is not None:
        words.append(f"Typically {drug.pattern.value}.")
    if drug.latency is not None:
        words.append(f"Typical onset {drug.latency[0]} to {drug.latency[1]} days after it is begun.")
    weighing.speaks_for(" ".join(words), *suspect.medications)
    _against_pattern(weighing, on, suspect)
    if drug.latency is not None and suspect.since is not None:
        days = (day - suspect.since).days
        if not drug.latency[0] <= days <= drug.latency[1]:
            said = f"begun {days} days before the {rise}; typical are {drug.latency[0]} to {drug.latency[1]}"
            weighing.speaks_against(f"{capitalised(drug.ingredient)}: {said}.", *suspect.medications)


def _against_pattern(weighing: Weighing, on: OnRecord, suspect: Suspect) -> None:
    """The pattern typical of the drug against that of the latest elevated day."""
    drug, pattern = suspect.drug, _pattern(on)
    if drug.pattern is None:
        return
    if pattern is None:
        words = f"Whether the pattern fits {drug.ingredient}: {on.r.words}"
        weighing.unknown(words, *suspect.medications)
    elif {drug.pattern, pattern} == _OPPOSITES:
        words = f"{capitalised(drug.ingredient)} is typically {drug.pattern.value}; {on.r.words}"
        weighing.speaks_against(words, *suspect.medications, on.r)


def _known_of(drug: Drug) -> str:
    """`Isoniazid (antituberculosis; LiverTox category A; source: ...)`."""
    known = f"LiverTox category {drug.likelihood}" if drug.likelihood else "no LiverTox category read"
    source = sources().get(drug.source, "").rstrip(".")
    said = [drug.drug_class, known, f"source: {source}" if source else ""]
    return f"{capitalised(drug.ingredient)} ({'; '.join(each for each in said if each)})"


def _taken(suspect: Suspect) -> str:
    begun = f"begun {suspect.since}" if suspect.since else "begun at an unknown time"
    if suspect.until is not None:
        return f"{begun}, last taken {suspect.until}"
    return f"{begun}, stopped at an unknown time" if "end" in suspect.unknown else f"{begun}, still taken"


def _stands(suspect: Suspect, on: OnRecord) -> str:
    rule = on.readings.rulebook.rules.drug_exposure
    if suspect.standing is Standing.ALWAYS:
        return f"taken within {rule.paracetamol_days} days, so always in question"
    if suspect.standing is Standing.SUGGESTIVE:
        return f"suggestive (RUCAM: begun {rule.begun_from_days} to {rule.begun_to_days} days before)"
    return "compatible (RUCAM)"


def _left_off(
    on: OnRecord, hepatotoxic: Sequence[Medication], suspected: Collection[Drug]
) -> dict[Drug, list[Medication]]:
    """Drugs of the episode, or of the rulebook's days before it, that are not in question."""
    left: dict[Drug, list[Medication]] = {}
    for medication in sorted(hepatotoxic, key=by_time):
        if _overlaps(medication, on, on.rules.drugs.look_back_days):
            for drug in possibly_hepatotoxic(medication.codings, medication.text):
                if drug not in suspected:
                    left.setdefault(drug, []).append(medication)
    return left


def _times_that_do_not_fit(weighing: Weighing, on: OnRecord, left: dict[Drug, list[Medication]]) -> None:
    onset = on.onset
    for drug, several in sorted(left.items(), key=lambda each: each[0].ingredient):
        name, first = capitalised(drug.ingredient), several[0].start
        if first is not None and first > onset:
            weighing.speaks_against(f"{name}: begun {first}, after the onset on {onset}.", *several)
        else:
            last = max(each.end or each.start or date.min for each in several)
            words = f"{name}: last known to be taken {last}, too long before the onset on {onset}."
            weighing.speaks_against(words, *several)


def _overlaps(medication: Medication, on: OnRecord, days: int) -> bool:
    """Whether it was surely taken from so many days before the onset on, up to `day`."""
    if medication.start is not None and medication.start > on.day:
        return False
    last = medication.end or (on.day if medication.current else medication.start)
    return last is not None and (on.onset - last).days <= days


def _what_is_recorded(weighing: Weighing, on: OnRecord) -> None:
    """That none of the drugs taken at the time may injure the liver, or that none is recorded."""
    rule = on.readings.rulebook.rules.drug_exposure
    taken = [
        each
        for each in sorted(on.readings.record.medications, key=by_time)
        if _overlaps(each, on, rule.stopped_days_cholestatic)
    ]
    if not taken:
        weighing.unknown("No drug is recorded for the time before the elevation.")
        return
    names = list(dict.fromkeys(name_of(each) for each in taken))
    told = ", ".join(names[:_MOST_NAMES]) + (" and others" if len(names) > _MOST_NAMES else "")
    weighing.speaks_against(
        f"Of the drugs recorded for the time none is listed as possibly hepatotoxic: {told}.", *taken
    )


def _hepatoprotective(weighing: Weighing, on: OnRecord) -> None:
    """Drugs that are given for raised liver tests in some regions: for information, never as an order."""
    found: dict[str, tuple[str, list[Medication]]] = {}
    for medication in sorted(on.readings.record.medications, key=by_time):
        if not _overlaps(medication, on, on.rules.drugs.look_back_days):
            continue
        for drug in hepatoprotective(medication.codings, medication.text):
            found.setdefault(drug.ingredient, (drug.note, []))[1].append(medication)
    for ingredient, (note, several) in sorted(found.items()):
        weighing.note(f"Recorded: {ingredient} ({name_of(several[0])}): {note}.", *several)
