"""Why there is an alert: each reason with its arithmetic, results and rule, and what would change it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from service.alerts.alert import Alert, State
from service.clinical.analytes import Analyte
from service.clinical.catalogues.rules import rules
from service.clinical.day_values import DayValue
from service.clinical.episodes import Family, Finding, Reason, Tier
from service.clinical.limits import LOW_IS_ABNORMAL
from service.clinical.months import add_months
from service.clinical.recommendations import alerting_findings
from service.clinical.results import ResultKey
from service.clinical.rulebook import Rulebook
from service.clinical.saying import analyte_in_words, capitalised, number, quantity
from service.dashboard.result_views import Shown
from service.fhir.names import finding_in_words
from service.fhir.wording import reason_code

_ENZYMES = (Analyte.ALT, Analyte.AST)


@dataclass(frozen=True, slots=True)
class Why:
    """One reason."""

    title: str
    met: date
    last: date
    missed: bool
    """It is about a test that did not come."""
    detail: str
    """The arithmetic."""
    results: Sequence[Shown]
    rule: str | None
    """Its code in `/rules`."""
    rule_title: str
    citations: Sequence[str]
    notes: Sequence[str]


def whys(alert: Alert, shown: Mapping[ResultKey, Shown], book: Rulebook) -> list[Why]:
    """Every reason of the findings that raise the alert, the gravest first."""
    return [
        _why(finding, reason, shown, book)
        for finding in alerting_findings(alert.episode)
        for reason in finding.reasons
    ]


def _why(finding: Finding, reason: Reason, shown: Mapping[ResultKey, Shown], book: Rulebook) -> Why:
    code = reason_code(finding, reason)
    rule = rules().get(code)
    used = [shown[key] for key in reason.evidence if key in shown]
    return Why(
        title=f"{capitalised(analyte_in_words(finding.analyte))}: {finding_in_words(code)}",
        met=reason.met,
        last=reason.last,
        missed=finding.recheck is not None,
        detail=reason.detail,
        results=used,
        rule=rule.code if rule else None,
        rule_title=rule.title if rule else finding_in_words(code),
        citations=list(rule.citations_in(book).values()) if rule else [],
        notes=finding.notes,
    )


def what_would_change(
    alert: Alert, values: Mapping[Analyte, Sequence[DayValue]], book: Rulebook
) -> list[str]:
    """What would end, raise or silence the alert, in words, by the rules of now."""
    episode = alert.episode
    if alert.state in (State.RESOLVED, State.ENTERED_IN_ERROR, State.MERGED):
        return ["Nothing: it is over. A new elevation is a new alert."]
    if episode.family is Family.FOLLOW_UP:
        tests = dict.fromkeys(analyte_in_words(each.analyte) for each in episode.findings)
        return [
            f"It ends with a usable result of {', '.join(tests)}.",
            "It also ends once the elevation behind it is overridden or its cause is known and monitored.",
        ]
    lines = [_resolution(alert, values, book), *_urgency(alert, values, book)]
    dormant = add_months(episode.last_result, book.rules.episode.dormant_months)
    lines.append(f"Without any further result it counts as lost to follow-up after {dormant}.")
    lines.append("A correction or a retraction of a result below is judged as soon as it arrives.")
    return lines


def _resolution(alert: Alert, values: Mapping[Analyte, Sequence[DayValue]], book: Rulebook) -> str:
    bounds = []
    for level in alert.episode.latest:
        latest = next(reversed(values.get(level.analyte, ())), None)
        limit, value = (latest.limit, latest.value) if latest else (level.limit, level.value)
        side = "at or above" if level.analyte in LOW_IS_ABNORMAL else "at or below"
        within = f"{analyte_in_words(level.analyte)} {side} {quantity(level.analyte, limit)}"
        bounds.append(f"{within} (now {quantity(level.analyte, value)})")
    days = book.rules.episode.normal_day_values
    return f"It is resolved by {days} consecutive normal days of testing of each: {', '.join(bounds)}."


def _urgency(alert: Alert, values: Mapping[Analyte, Sequence[DayValue]], book: Rulebook) -> list[str]:
    """From which level ALT or AST alone would make it urgent."""
    severe = book.rules.urgent.severe_elevation
    known = [values[analyte][-1] for analyte in _ENZYMES if values.get(analyte)]
    if alert.tier is Tier.URGENT or alert.family is not Family.TRANSAMINASE or not known:
        return []
    bounds = [
        f"{value.analyte} beyond {quantity(value.analyte, min(severe.multiple * value.limit, severe.value))}"
        for value in known
    ]
    rule = f"{number(severe.multiple)} × ULN or {number(severe.value)} U/L"
    return [f"It becomes urgent with {' or '.join(bounds)} ({rule}), and by the other urgent rules."]
