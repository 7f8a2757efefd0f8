"""The letter to the patient, in plain words: what was found, what it means, what to do, when to get help."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from service.charts.course import Point
from service.charts.description import is_out, latest
from service.clinical.advice import Said, said
from service.clinical.limits import LOW_IS_ABNORMAL
from service.clinical.recommendations import Audience, Orderable, orderable, orderables
from service.clinical.saying import analyte_in_words, capitalised, quantity
from service.errors import Conflict
from service.fhir import wording
from service.languages import Words
from service.languages.phrasebook import Phrasebook
from service.letters import patient_texts as texts
from service.letters.case import Case
from service.letters.letter import Block, Letter, Paragraph, Recipient, Section, Table

_EDUCATION: Final = "patient-education"
"""The advice that every letter gives."""
_MEANS: Final = frozenset({"raised-tests", "fat-in-the-liver"})
_NEXT: Final = (
    *("see-a-doctor-today", "come-for-the-recheck", "recheck-is-late", "keep-your-checks"),
    *("muscle-and-tests", "rest-for-now"),
)
_AT_ONCE: Final = ("get-help-at-once", "muscle-danger")
_SAID_BETTER: Final[Mapping[str, str]] = {
    "no-alcohol": "stop-alcohol",
    "regular-sleep": "short-sleep",
    "keep-moving": "exercise-and-fat",
    "rest-for-now": "muscle-and-tests",
}
"""General advice → the advice for a cause that says it more fully: never both in one letter."""


def patient_letter(case: Case, words: Words, book: Phrasebook) -> Letter:
    """Write it.

    Args:
        case: what it tells.
        words: the patient's language.
        book: names tests in the same language.

    Raises:
        Conflict: the alert asks the patient for nothing, as one that is over or was overridden.
    """
    told = _told(case, words)
    if not told:
        raise Conflict("that alert advises nothing to the patient: it is over, or was overridden")
    means = [Paragraph(text) for name, text in told.items() if name in _MEANS]
    then = [Paragraph(told[name]) for name in _NEXT if name in told]
    at_once = [Paragraph(told[name], strong=True) for name in _AT_ONCE if name in told]
    apart = {*_MEANS, *_NEXT, *_AT_ONCE}
    helps = [Paragraph(text) for name, text in told.items() if name not in apart]
    sections = (
        Section(words.say(texts.FOUND), [*_found(case, words, book)]),
        Section(words.say(texts.MEANS), means),
        Section(words.say(texts.NEXT), then),
        Section(words.say(texts.AT_ONCE), at_once, urgent=True),
        Section(words.say(texts.HELPS), helps),
    )
    return Letter(
        Recipient.PATIENT,
        words.language,
        words.say(texts.TITLE),
        [*_about(case, words)],
        [each for each in sections if each.blocks],
        words.say(texts.CLOSING),
    )


def _about(case: Case, words: Words) -> Iterator[tuple[str, str]]:
    if case.person.name:
        yield words.say(texts.NAME), wording.printable(case.person.name)
    if case.record.birth_date is not None:
        yield words.say(texts.BORN), words.fill("{day}", day=case.record.birth_date)
    yield words.say(texts.DATE), words.fill("{day}", day=case.day)


def _found(case: Case, words: Words, book: Phrasebook) -> Iterator[Block]:
    results = latest(case.course)
    yield Paragraph(words.say(texts.FOUND_TEXT))
    out = [_name(point, book) for point in results if is_out(point)]
    listed = book.signs.comma.join(out)
    yield Paragraph(words.say(texts.SOME_HIGH, tests=listed) if out else words.say(texts.ALL_NORMAL))
    headings = [words.say(each) for each in (texts.TEST, texts.RESULT, texts.RANGE, texts.READING, texts.DAY)]
    yield Table(words.say(texts.LIST), headings, [_row(point, words, book) for point in results])


def _row(point: Point, words: Words, book: Phrasebook) -> list[str]:
    assert point.limit is not None
    low = point.analyte in LOW_IS_ABNORMAL
    reading = (texts.LOW if low else texts.HIGH) if is_out(point) else texts.NORMAL
    return [
        _name(point, book),
        f"{point.comparator.value}{quantity(point.analyte, point.value)}",
        words.say(texts.FROM if low else texts.UP_TO, limit=quantity(point.analyte, point.limit)),
        words.say(reading),
        words.fill("{day}", day=point.day),
    ]


def _name(point: Point, book: Phrasebook) -> str:
    return book.say(capitalised(analyte_in_words(point.analyte)))


def _told(case: Case, words: Words) -> dict[str, str]:
    """Every paragraph of advice by its name, each once, in the order of the steps."""
    told: dict[str, str] = {}
    for order in _orders(case.advised):
        for one in said(order, case.advised):
            told.setdefault(one.name, _in_words(one, case, words))
    return {name: text for name, text in told.items() if _SAID_BETTER.get(name) not in told}


def _orders(advised: Mapping[str, date]) -> Iterator[Orderable]:
    """What is advised to the patient; wherever anything is, to understand the tests."""
    if advised:
        yield orderable(_EDUCATION)
    for name in orderables():
        if name in advised and name != _EDUCATION and orderable(name).audience is Audience.PATIENT:
            yield orderable(name)


def _in_words(one: Said, case: Case, words: Words) -> str:
    """As the site says it, else as this release does."""
    own = case.texts.get(one.name, {}).get(words.language)
    return words.say(one.text, **one.values) if own is None else words.fill(own, **one.values)
