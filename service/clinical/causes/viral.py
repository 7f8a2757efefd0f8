"""Hepatitis A, B, C and E, by serology and recorded conditions."""

from service.clinical.analytes import Analyte
from service.clinical.causes.cause import Cause, CauseName
from service.clinical.causes.on_record import OnRecord
from service.clinical.causes.weighing import Weighing, answer_in_words, levels, measured
from service.clinical.months import add_months
from service.clinical.results import OPEN_ABOVE, Answer, Comparator, Measurement
from service.clinical.saying import capitalised, number


def hepatitis_b(on: OnRecord) -> Cause:
    """HBsAg: a positive one stands until a later one is negative."""
    weighing = Weighing(CauseName.HEPATITIS_B, on)
    weighing.serology("hbsag", "HBsAg")
    weighing.conditions(on.lasting("hepatitis-b"))
    return weighing.cause()


def hepatitis_c(on: OnRecord) -> Cause:
    """HCV RNA decides: antibodies stay when the virus is gone."""
    weighing = Weighing(CauseName.HEPATITIS_C, on)
    without_virus = _rna(weighing, on)
    found = on.answered("anti-hcv")
    if found is not None and found[1] is Answer.POSITIVE and without_virus is not None:
        if found[0].day <= without_virus.day:
            weighing.note(
                f"{measured('anti-HCV', found[0])}: positive, as after an infection that is over.", found[0]
            )
        else:
            weighing.serology("anti-hcv", "anti-HCV")
    else:
        weighing.serology("anti-hcv", "anti-HCV")
    weighing.conditions(on.lasting("hepatitis-c"))
    return weighing.cause()


def _rna(weighing: Weighing, on: OnRecord) -> Measurement | None:
    """Weighs the newest HCV RNA that tells; gives it back where it shows that there is no virus."""
    told = ((each, _has_virus(each)) for each in on.history("hcv-rna"))
    found, virus = next(((each, has) for each, has in told if has is not None), (None, None))
    months = on.rules.windows.serology_months
    if found is None:
        weighing.unknown("No HCV RNA in the record.")
        return None
    words = measured("HCV RNA", found) + (f": {found.answer.value}" if found.answer else "")
    if virus:
        weighing.speaks_for(f"{words}.", found)
        return None
    if on.not_older(found, months):
        weighing.speaks_against(f"{words}: no virus found.", found)
    else:
        weighing.unknown(f"{words}: no virus found, more than {months} months before.", found)
    return found


def _has_virus(given: Measurement) -> bool | None:
    """Below a limit of detection is none; None where it does not tell."""
    if given.answer in (Answer.POSITIVE, Answer.NEGATIVE):
        return given.answer is Answer.POSITIVE
    if given.value is None:
        return None
    if given.comparator is Comparator.EXACT:
        return given.value > 0
    return given.comparator in OPEN_ABOVE


def acute_viral(on: OnRecord) -> Cause:
    """Hepatitis A and E: a high ALT, IgM of these weeks, and no long course, for they pass in weeks."""
    weighing = Weighing(CauseName.ACUTE_VIRAL, on)
    _height(weighing, on)
    _course(weighing, on)
    _igm(weighing, on, "hav-igm", "hepatitis A IgM")
    _igm(weighing, on, "hev-igm", "hepatitis E IgM")
    weighing.conditions(on.events(on.rules.acute_viral.days, "hepatitis-a", "hepatitis-e"))
    return weighing.cause()


def _height(weighing: Weighing, on: OnRecord) -> None:
    rule = on.rules.acute_viral
    alt = on.highest(Analyte.ALT, days=rule.days)
    if alt is None:
        weighing.unknown(f"ALT: not in the record for the last {rule.days} days of the elevation.")
    elif alt.above(rule.alt):
        weighing.speaks_for(f"{levels(alt)}: above {number(rule.alt)} × ULN.", alt)
    elif alt.result.comparator in OPEN_ABOVE:
        weighing.unknown(f"{levels(alt)}: it may lie above {number(rule.alt)} × ULN.", alt)
    else:
        weighing.speaks_against(f"Highest {levels(alt)}: not above {number(rule.alt)} × ULN.", alt)


def _course(weighing: Weighing, on: OnRecord) -> None:
    months, onset = on.readings.rulebook.rules.persistence.months, on.onset
    if on.day > add_months(onset, months):
        ends = on.first_and_last()
        weighing.speaks_against(
            f"Elevated from {onset} to {on.day}, more than {months} months: they pass in weeks.", *ends
        )


def _igm(weighing: Weighing, on: OnRecord, what: str, title: str) -> None:
    days = on.rules.acute_viral.days
    found = on.answered(what, days)
    if found is None:
        weighing.unknown(capitalised(f"{title}: not in the record within {days} days."))
        return
    given, answer = found
    words = f"{measured(title, given)}: {answer_in_words(given, answer)}."
    if answer is Answer.POSITIVE:
        weighing.speaks_for(words, given)
    else:
        weighing.speaks_against(words, given)
