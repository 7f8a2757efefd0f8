"""What an alert says, in words and numbers: the text of what is written to the EHR."""

from collections.abc import Collection, Iterable
from xml.sax.saxutils import escape

from service.alerts.alert import Action, Alert, Disposition, State
from service.clinical.catalogues.causes import known_causes
from service.clinical.causes.cause import Cause, Evidence
from service.clinical.episodes import Episode, Family, Finding, Kind, Level, Plan, Reason
from service.clinical.recommendations import alerting_findings, in_question, missing, orderable
from service.clinical.saying import analyte_in_words, capitalised, number, quantity
from service.fhir.names import FINDINGS, KIND_CODES, finding_in_words
from service.languages import Words
from service.languages import marked as _

_ACTIONS = {
    Action.TAKE: "Taken on for review",
    Action.ASSIGN: "Assigned for review",
    Action.KNOWN_CAUSE: "Known cause and stable: monitored",
    Action.ESCALATE: "Escalated to a physician",
    Action.REFER: "Referred",
    Action.OVERRIDE: "Overridden",
}
MITIGATING = frozenset(_ACTIONS)
"""Decisions that say something was done about the issue; putting it off or reopening it does not."""


def finding_code(finding: Finding) -> str:
    """The code that names a finding: its kind, or for an urgent one the gravest of its reasons."""
    return rule_code(finding.kind, [reason.name for reason in finding.reasons])


def rule_code(kind: Kind, criteria: Collection[str]) -> str:
    """The code of the rule that findings of a kind, by criteria of these names, come from."""
    if kind is Kind.URGENT:
        return next((code for code in FINDINGS if code in criteria), KIND_CODES[Kind.URGENT])
    return KIND_CODES[kind]


def reason_code(finding: Finding, reason: Reason) -> str:
    """The code that names a criterion; the finding's own where it has no other."""
    return reason.name if reason.name in FINDINGS else KIND_CODES[finding.kind]


def headline(alert: Alert) -> tuple[str, str]:
    """Code and words of what the alert is about: its gravest finding, and every analyte found the same."""
    findings = alerting_findings(alert.episode) or alert.episode.findings
    if not findings:
        return "urgent-elevation", finding_in_words("urgent-elevation")
    code = finding_code(findings[0])
    same = dict.fromkeys(analyte_in_words(each.analyte) for each in findings if finding_code(each) == code)
    return code, f"{finding_in_words(code)}: {', '.join(same)}"


def standing(alert: Alert) -> list[str]:
    """What has become of the alert, where that is not simply that it is open."""
    lines = []
    if alert.state is State.MERGED:
        lines.append(f"Entered in error: one and the same as alert {alert.merged_into}, which goes on.")
    elif alert.state is State.ENTERED_IN_ERROR:
        grounds = (alert.withdrawn or "its grounds are gone").rstrip(".")
        lines.append(f"Entered in error: {grounds}.")
    elif alert.state is State.DORMANT:
        lines.append(f"Lost to follow-up: no result since {alert.episode.last_result}.")
    elif alert.episode.resolved is not None and alert.family is Family.FOLLOW_UP:
        lines.append(f"Resolved on {alert.episode.resolved}: nothing of it is overdue any more.")
    elif alert.episode.resolved is not None:
        lines.append(
            f"Resolved on {alert.episode.resolved}: two consecutive normal results of every test in it."
        )
    elif alert.episode.deceased:
        lines.append("Closed: the record says that the patient has died.")
    return lines


def why(alert: Alert) -> list[str]:
    """Each reason with its dates and its arithmetic, the latest levels, and what a reader must know."""
    lines = []
    notes = dict.fromkeys(alert.episode.notes)
    for finding in alerting_findings(alert.episode):
        for reason in finding.reasons:
            when = f"{'met' if finding.recheck is None else 'overdue since'} {reason.met}"
            if reason.last != reason.met:
                when += f", last held {reason.last}"
            name = finding_in_words(reason_code(finding, reason))
            lines.append(f"{capitalised(analyte_in_words(finding.analyte))}: {name}, {when}. {reason.detail}")
        notes.update(dict.fromkeys(finding.notes))
    lines += [_level_in_words(level) for level in alert.episode.latest]
    return lines + [f"Note: {note.rstrip('.')}." for note in notes]


def plan(given: Plan, *, referring: bool = False) -> list[str]:
    """What may lie behind it, with what speaks for and against each cause; and what is done already.

    Args:
        given: the plan of an episode.
        referring: name the resources that each thing rests on, for a reader who has no links beside the text.
    """
    lines = [_cause_in_words(cause, referring=referring) for cause in given.causes]
    for done in given.done:
        how = "Ordered already" if done.ordered else "Done already"
        shown = _referring(done.shown_by) if referring else ""
        lines.append(f"{how}: {orderable(done.name).text}, {done.day}{shown}.")
    return lines


def drugs_in_question(given: Plan) -> list[str]:
    """For who prescribes: each drug whose times fit, what is known of it, and what speaks against one."""
    drug = in_question(given)
    if drug is None:
        return []
    lines = ["In question: " + " ".join(each.words for each in drug.speaks_for)]
    if drug.speaks_against:
        lines.append("What speaks against: " + " ".join(each.words for each in drug.speaks_against))
    return [printable(line) for line in lines]


def overdue(episode: Episode) -> list[str]:
    """For staff: each test of a follow-up alert that has not come, with its dates."""
    return [
        f"Overdue since {each.met}: {analyte_in_words(each.analyte)}, elevated on {each.first}, "
        f"to be repeated by {each.recheck.due}."
        for each in missing(alerting_findings(episode))
        if each.recheck is not None
    ]


def references(evidence: Evidence) -> list[str]:
    """`Type/id` of everything that it rests on, each once: a component is its Observation."""
    return list(dict.fromkeys([*(key.resource for key in evidence.results), *evidence.resources]))


def _cause_in_words(cause: Cause, *, referring: bool) -> str:
    parts = (
        ("for", cause.speaks_for),
        ("against", cause.speaks_against),
        ("not known", cause.unknown),
        ("note", cause.notes),
    )
    said = [
        f"{name}: {'; '.join(_evidence_in_words(each, referring=referring) for each in evidence)}"
        for name, evidence in parts
        if evidence
    ]
    return f"Possible cause: {known_causes()[cause.name].title} - {'. '.join(said)}."


def _evidence_in_words(evidence: Evidence, *, referring: bool) -> str:
    return evidence.words.rstrip(".") + (_referring(references(evidence)) if referring else "")


def _referring(to: Collection[str]) -> str:
    return f" [{', '.join(to)}]" if to else ""


def mitigation(disposition: Disposition) -> str:
    """A person's decision in words."""
    words = _ACTIONS[disposition.action]
    if disposition.to is not None:
        words += f" to {printable(disposition.to)}"
    if disposition.until is not None:
        words += f" until {disposition.until}"
    if disposition.reason:
        words += f"; reason: {printable(disposition.reason).replace('-', ' ')}"
    note = printable(disposition.note).strip()
    return f"{words}. {note}" if note else words


def narrative(title: str, lines: Iterable[str]) -> dict[str, str]:
    """FHIR Narrative made from plain lines; everything in them is escaped."""
    items = "".join(f"<li>{escape(printable(line))}</li>" for line in lines)
    listed = f"<ul>{items}</ul>" if items else ""
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p><b>{escape(title)}</b></p>{listed}</div>'
    return {"status": "generated", "div": div}


def no_longer_advised(step: str, words: Words) -> dict[str, str]:
    """FHIR Narrative of a proposal that was revoked, in the language of who reads it."""
    return narrative(words.say(_("No longer advised: {step}"), step=step), ())


def printable(text: str) -> str:
    """The text without the control characters that neither FHIR strings nor XML allow."""
    if text.isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or c.isprintable())


def _level_in_words(level: Level) -> str:
    return (
        f"Latest {analyte_in_words(level.analyte)}: {quantity(level.analyte, level.value)} on {level.day}, "
        f"{number(level.multiple)} × the upper limit of {number(level.limit)} ({level.limit_source})."
    )
