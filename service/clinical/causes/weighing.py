"""Gathers what speaks for a cause, against it, and what is not known, each in words with what it rests on."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from service.clinical.catalogues.conditions import concepts_of
from service.clinical.causes.bounds import Bound
from service.clinical.causes.cause import Cause, CauseName, Evidence
from service.clinical.causes.on_record import OnRecord
from service.clinical.day_values import DayValue
from service.clinical.readings import Interpretation
from service.clinical.results import Answer, Condition, Measurement, Medication, ResultKey
from service.clinical.saying import capitalised, number
from service.clinical.wording import level

Shown = DayValue | Measurement | Interpretation | Condition | Medication
"""What an evidence can rest on."""

_LONGEST = 80
"""Characters of a record's own words that are repeated."""
_UNITS = {
    "ug/L": "µg/L",
    "{score}": "",
    "m[IU]/L": "mU/L",
    "[IU]/mL": "IU/mL",
    "/wk": "a week",
    "min/wk": "minutes a week",
    "ug/(24.h)": "µg a day",
}
"""Units of the catalogue that readers write otherwise."""


class Weighing:
    """One cause while it is weighed."""

    def __init__(self, name: CauseName, on: OnRecord) -> None:
        self._name = name
        self._on = on
        self._speaks_for: list[Evidence] = []
        self._speaks_against: list[Evidence] = []
        self._unknown: list[Evidence] = []
        self._notes: list[Evidence] = []

    def cause(self) -> Cause:
        """What has been gathered."""
        lists = (self._speaks_for, self._speaks_against, self._unknown, self._notes)
        return Cause(self._name, *map(tuple, lists))

    def speaks_for(self, words: str, *shown: Shown) -> None:
        """It speaks for the cause."""
        self._speaks_for.append(_evidence(words, shown))

    def speaks_against(self, words: str, *shown: Shown) -> None:
        """It speaks against the cause."""
        self._speaks_against.append(_evidence(words, shown))

    def unknown(self, words: str, *shown: Shown) -> None:
        """It was looked for and is not in the record, or does not tell."""
        self._unknown.append(_evidence(words, shown))

    def note(self, words: str, *shown: Shown) -> None:
        """For information: it speaks neither for nor against."""
        self._notes.append(_evidence(words, shown))

    def conditions(self, found: Sequence[Condition], *, against: str = "") -> None:
        """Recorded conditions, those of one name together; for it, unless `against` says why not."""
        for several in _by_name(found):
            words = f"Recorded: {_name_and_time(several)}."
            if against:
                self.speaks_against(f"{words} {against}", *several)
            else:
                self.speaks_for(words, *several)

    def blood(self, what: str, title: str, bound: Bound, remark: str = "") -> None:
        """A blood test with a number, no older than the rulebook allows."""
        self.number(what, title, bound, self._on.rules.windows.blood_months, remark)

    def number(self, what: str, title: str, bound: Bound, months: int, remark: str = "") -> None:
        """The newest number of a measurement, at most so many months old, against its bound.

        `remark` follows where it speaks for the cause.
        """
        found = self._on.number(what)
        if found is not None and not self._on.not_older(found, months):
            self.unknown(f"{measured(title, found)}: more than {months} months before.", found)
            return
        self.held(found, title, bound, remark)

    def held(self, found: Measurement | None, title: str, bound: Bound, remark: str = "") -> None:
        """A measurement with a number against its bound: beyond it for the cause, else against it."""
        if found is None or found.value is None:
            self.unknown(capitalised(f"{title}: not in the record for this time."))
            return
        held_to = bound.of(found)
        met = held_to.met(found.value, found.comparator)
        words, limit = measured(title, found), number(held_to.value)
        whose = " (limit of the laboratory)" if held_to is not bound else ""
        if met is None:
            self.unknown(f"{words}: it may lie on either side of {limit}.", found)
        elif met:
            self.speaks_for(f"{words}, {held_to.side.value} {limit}{whose}. {remark}".rstrip(), found)
        else:
            self.speaks_against(f"{words}, {held_to.side.otherwise} {limit}{whose}.", found)

    def serology(self, what: str, title: str, *, stands: bool = True, against: str = "") -> Answer | None:
        """A test that is positive or negative.

        A negative one, and a positive one that does not `stand` for good, says nothing once it is older than
        serology may be. `against` follows a negative one. The answer is given back where it counted.
        """
        months = self._on.rules.windows.serology_months
        found = self._on.answered(what)
        if found is None:
            newest = self._on.newest(what)
            if newest is None:
                self.unknown(capitalised(f"{title}: not in the record."))
            else:
                told = newest.text or newest.answer or "a number"
                self.unknown(
                    f"{measured(title, newest)}: {told}, neither plainly positive nor negative.", newest
                )
            return None
        given, answer = found
        words = f"{measured(title, given)}: {answer_in_words(given, answer)}"
        positive = answer is Answer.POSITIVE
        if not (positive and stands) and not self._on.not_older(given, months):
            self.unknown(f"{words}, more than {months} months before.", given)
            return None
        if positive:
            self.speaks_for(f"{words}.", given)
        else:
            self.speaks_against(f"{words}. {against}".rstrip(), given)
        return answer

    def finding(self, what: str, title: str, *, stands: bool = True, against: str = "") -> None:
        """What imaging or a biopsy found; nothing is said where the record tells of none.

        A negative one, and a positive one that does not `stand` for good, says nothing once it is older than
        serology may be. `against` follows a negative one.
        """
        found, months = self._on.newest(what), self._on.rules.windows.serology_months
        if found is None or found.answer is None:
            return
        own = f" ({found.text[:_LONGEST]})" if found.text else ""
        words, positive = f"{capitalised(title)}, reported on {found.day}", found.answer is Answer.POSITIVE
        if not (positive and stands) and not self._on.not_older(found, months):
            self.unknown(f"{words}{own}: more than {months} months before.", found)
        elif positive:
            self.speaks_for(f"{words}: found{own}.", found)
        elif found.answer is Answer.UNCLEAR:
            self.unknown(f"{words}: unclear{own}.", found)
        else:
            self.speaks_against(f"{words}: not found{own}. {against}".rstrip(), found)


def measured(title: str, given: Measurement) -> str:
    """`Ferritin 620 µg/L on 2024-03-01`; an answer in words is left to be said."""
    if given.value is None:
        return capitalised(f"{title} on {given.day}")
    value = f"{given.comparator.value}{number(given.value)} {_UNITS.get(given.unit, given.unit)}".rstrip()
    return capitalised(f"{title} {value} on {given.day}")


def answer_in_words(given: Measurement, answer: Answer) -> str:
    """`positive`, with the laboratory's own words where they are others."""
    own = given.text[:_LONGEST]
    return answer.value if not own or own.casefold() == answer.value else f"{answer.value} ({own})"


def levels(*values: DayValue) -> str:
    """`AST 4 × ULN (...) on ...; ALT 2 × ULN (...) on ...`."""
    return capitalised("; ".join(level(value) for value in values))


def name_of(each: Condition | Medication) -> str:
    """The record's own words, the first of its names and not too long; by its code where it has none."""
    text = each.text.split(";")[0].strip() or _by_code(each)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"


def _by_code(each: Condition | Medication) -> str:
    """Its code; of a condition behind what the catalogue calls it, the longest of the names that hold."""
    code = next((coding.code for coding in each.codings), "")
    if isinstance(each, Medication):
        return code
    concept = max(concepts_of(each.codings, each.text), key=lambda name: (len(name), name), default="")
    return f"{concept.replace('-', ' ')} ({code})"


def _by_name(found: Iterable[Condition]) -> list[list[Condition]]:
    """Conditions that the record names alike, the names in order of their first."""
    named: dict[str, list[Condition]] = {}
    for each in found:
        named.setdefault(name_of(each).casefold(), []).append(each)
    return list(named.values())


def _name_and_time(several: Sequence[Condition]) -> str:
    starts = [each.start for each in several if each.start is not None]
    ends = [each.end for each in several if each.end is not None]
    name = name_of(several[0])
    if starts:
        name += f", since {min(starts)}"
    if len(ends) == len(several):
        name += f", until {max(ends)}"
    return name


@lru_cache(maxsize=1024)  # most of what is unknown is so of most people, in the same words
def _without_grounds(words: str) -> Evidence:
    return Evidence(words)


def _evidence(words: str, shown: Sequence[Shown]) -> Evidence:
    if not shown:
        return _without_grounds(words)
    keys: list[ResultKey] = []
    references: list[str] = []
    for each in shown:
        if isinstance(each, DayValue):
            keys.append(each.result.key)
        elif isinstance(each, Measurement):
            keys.append(each.key)
        elif isinstance(each, Interpretation):
            keys.extend(given.key for given in each.inputs if given.key is not None)
        elif each.reference:
            references.append(each.reference)
    return Evidence(words, tuple(dict.fromkeys(keys)), tuple(dict.fromkeys(references)))
