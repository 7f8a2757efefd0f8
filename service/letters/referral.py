"""The letter to the specialist: what the record shows, what was done, and what is asked for."""

import re
from collections.abc import Iterator
from datetime import date

from service.alerts.advising import SILENT
from service.alerts.alert import State
from service.clinical.catalogues.causes import known_causes
from service.clinical.causes.cause import Cause, Evidence
from service.clinical.episodes import Tier
from service.clinical.recommendations import Audience, orderable
from service.clinical.results import Sex
from service.fhir import wording
from service.languages.phrasebook import Phrasebook
from service.letters.case import Case
from service.letters.drawing import figure
from service.letters.letter import Block, Items, Letter, Paragraph, Recipient, Section, Table
from service.letters.values import by_day
from service.settings import code_version

_IN_THE_TABLE = re.compile(r"(?<=× ULN) \((?:[^()]|\([^()]*\))*?, limit (?:[^()]|\([^()]*\))*\)")
"""Of a level what the table of results says too: value, limit and whose limit it is."""
_SOURCE = re.compile(r"; source: .*?\)(?=: begun)")
"""Where it was read what is known of a drug; that stands in the record of the alert."""
_LATEST = "Latest "
"""What begins so stands in the table of results."""

_URGENCY = {
    Tier.URGENT: "Urgent: to be seen on the same day",
    Tier.SOON: "Soon: to be seen within two weeks",
    Tier.ROUTINE: "Routine: to be seen within twelve weeks",
}
_STATES = {
    State.OPEN: "Nobody has decided about it yet.",
    State.TAKEN: "Somebody has taken it on.",
    State.SNOOZED: "It was put off.",
    State.MONITORING: "The cause is known and it is stable: it is monitored.",
    State.ESCALATED: "It was escalated to a physician.",
    State.REFERRED: "It was referred.",
    State.OVERRIDDEN: "It was overridden.",
    State.RESOLVED: "It has resolved.",
    State.DORMANT: "It was lost to follow-up.",
}


def referral(case: Case, book: Phrasebook) -> Letter:
    """Write it.

    Args:
        case: what it tells.
        book: the language; the record's own words stay as they are.

    Raises:
        ConfigurationError: what draws the chart is not installed.
    """
    say = book.say
    sections = (
        Section(say("Why this patient is referred"), [*_why(case, book)]),
        Section(say("Results"), [by_day(case.course, case.alert.episode.onset, say), figure(case, book)]),
        Section(say("How the results read together"), [Items(_given(case, book))]),
        Section(say("Possible causes"), [*_causes(case, book)]),
        Section(say("What is missing"), [*_missing(case, book)]),
        Section(say("What was done"), [Items(_done(case, book))]),
        Section(say("What is proposed"), [Items(_proposed(case, book))]),
        Section(say("Decisions so far"), [Items(_decisions(case, book))]),
    )
    return Letter(
        Recipient.REFERRAL,
        book.language,
        say("Referral to hepatology: elevated liver tests"),
        [*_about(case, book)],
        [each for each in sections if _says_anything(each)],
        say(
            f"Written by Liverwatch {code_version()} with rulebook {case.rulebook_version} as of {case.day}. "
            "It tells what the record shows and is no diagnosis."
        ),
    )


def _says_anything(section: Section) -> bool:
    return any(not isinstance(block, Items) or block.items for block in section.blocks)


def _about(case: Case, book: Phrasebook) -> Iterator[tuple[str, str]]:
    say, record = book.say, case.record
    if case.person.name:
        yield say("Patient"), case.person.name
    yield say("Number in the record"), f"{case.fhir_id} ({case.source.name})"
    if case.person.identifiers:
        yield say("Identifiers"), ", ".join(case.person.identifiers[:3])
    if record.birth_date is not None:
        yield say("Born"), str(record.birth_date)
    sex = {Sex.FEMALE: "female", Sex.MALE: "male", None: "not known"}[record.sex]
    yield say("Sex"), say(sex)
    yield say("Urgency"), say(_URGENCY[case.alert.tier])
    yield say("Date"), str(case.day)


def _why(case: Case, book: Phrasebook) -> Iterator[Block]:
    _, headline = wording.headline(case.alert)
    yield Paragraph(book.say(headline), strong=True)
    told = [*wording.standing(case.alert), *wording.why(case.alert)]
    yield Items([book.say(wording.printable(line)) for line in told if not line.startswith(_LATEST)])


def _given(case: Case, book: Phrasebook) -> list[str]:
    """The readings that can be given, each with what a reader must know of it."""
    return [
        book.say(_short(each.words))
        + (f" [{book.signs.semicolon.join(map(book.say, each.caveats))}]" if each.caveats else "")
        for each in case.interpretation
        if each.given
    ]


def _causes(case: Case, book: Phrasebook) -> Iterator[Block]:
    """Those that the record speaks for with their grounds; of the others what speaks against them."""
    causes = case.alert.episode.plan.causes
    likely = [cause for cause in causes if cause.speaks_for]
    if likely:
        headings = [book.say(each) for each in ("Cause", "For", "Against", "Not known")]
        caption = book.say("Causes that the record speaks for; in no order of likelihood")
        rows = [_cause(cause, book) for cause in likely]
        yield Table(caption, headings, rows, values=False)
    others = [cause for cause in causes if not cause.speaks_for and cause.speaks_against]
    if others:
        yield Paragraph(book.say("Causes that the record speaks against:"))
        yield Items(
            [
                f"{_title(cause, book)}{book.signs.colon}{_told(cause.speaks_against, book)}"
                for cause in others
            ]
        )


def _cause(cause: Cause, book: Phrasebook) -> list[str]:
    parts = (cause.speaks_for, cause.speaks_against, (*cause.unknown, *cause.notes))
    return [_title(cause, book), *(_told(each, book) or "–" for each in parts)]


def _title(cause: Cause, book: Phrasebook) -> str:
    return book.say(known_causes()[cause.name].title)


def _told(evidence: tuple[Evidence, ...], book: Phrasebook) -> str:
    return wording.printable(book.signs.space.join(book.say(_short(each.words)) for each in evidence))


def _short(words: str) -> str:
    """Without what stands in the table of results, or is for those who check the service."""
    return _SOURCE.sub(")", _IN_THE_TABLE.sub("", words))


def _missing(case: Case, book: Phrasebook) -> Iterator[Block]:
    """What could not be read, and what is not known of the causes that nothing speaks for, each once."""
    yield Items([book.say(each.words) for each in case.interpretation if not each.given])
    causes = [each for each in case.alert.episode.plan.causes if not each.speaks_for]
    unknown = {each.words: each for cause in causes for each in cause.unknown}
    if unknown:
        yield Paragraph(_told(tuple(unknown.values()), book))


def _done(case: Case, book: Phrasebook) -> list[str]:
    return [
        book.say(f"{'Ordered' if done.ordered else 'Done'} on {done.day}: {orderable(done.name).text}.")
        for done in case.alert.episode.plan.done
    ]


def _proposed(case: Case, book: Phrasebook) -> list[str]:
    """The steps that stand on this alert, but for what is said to the patient; those of one day together."""
    by_day: dict[date, list[str]] = {}
    for step in case.alert.steps if case.alert.state not in SILENT else ():
        if orderable(step.name).audience is not Audience.PATIENT:
            by_day.setdefault(step.due, []).append(book.say(orderable(step.name).text))
    signs = book.signs
    return [
        f"{book.say(f'By {day}')}{signs.colon}{signs.semicolon.join(steps)}{signs.stop}".rstrip()
        for day, steps in sorted(by_day.items())
    ]


def _decisions(case: Case, book: Phrasebook) -> list[str]:
    state = book.say(_STATES.get(case.alert.state, ""))
    made = [
        f"{each.at.date()}, {each.by}: {book.say(wording.mitigation(each))}"
        for each in case.dispositions
        if each.action in wording.MITIGATING
    ]
    return [*made, *([state] if state else [])]
