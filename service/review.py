"""What people decide about alerts: kept for ever, and what follows from it, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine

from service.alerts import decide
from service.alerts.alert import Action, Alert, Remark, RemarkKind
from service.alerts.states import urgent_criteria
from service.clinical.episodes import Tier
from service.clinical.months import add_months
from service.ingest import LostRace, Rules, check_agreement, judge
from service.ingest.receiving import in_transaction
from service.errors import Conflict, InvalidDecision
from service.store import alerts, decisions, patients, remarks, sources
from service.store.patients import PatientRow


_OTHER_SETTINGS = (
    "the settings of this source have changed since the record was judged: run `liverwatch rejudge` first"
)
LONGEST_REMARK = 4000
"""Characters of a remark."""

_RISEN = "the alert has become more urgent since it was shown: look at it again"


class Changed(Conflict):
    """The alert is not what the person saw: what is decided may not be meant for what it is now."""

    def __init__(self) -> None:
        super().__init__("the alert has changed since it was shown; nothing was recorded: look at it again")


@dataclass(frozen=True, slots=True)
class Decided:
    """What somebody says about one alert."""

    alert_id: UUID
    action: Action
    until: date | None = None
    """The day a snooze wakes, or the monitoring date of a known cause; for the latter the rulebook's interval
    from today where it is not given."""
    until_next_result: bool = False
    """A snooze wakes with the next result."""
    reason: str | None = None
    """The coded reason of an override; free text otherwise."""
    note: str = ""
    to: str | None = None
    """Whom it is assigned to."""
    id: UUID = field(default_factory=uuid4)
    """Of the disposition. One that is there already was recorded before: nothing is done again."""
    seen_as: Tier | None = None
    """The tier of the alert as the person saw it, where that may be a while ago."""
    seen_urgent: frozenset[str] = frozenset()
    """What made it urgent as they saw it (`alerts.states.urgent_criteria`); told with `seen_as`."""
    seen_revision: int | None = None
    """The alert's revision as the person saw it; on any other nothing is decided."""
    keyed_by: str | None = None
    """Who recorded it for them, where that may be somebody else."""


def dispose(  # noqa: PLR0913 - one argument for each thing a person says
    engine: Engine,
    alert_id: UUID,
    action: Action,
    *,
    by: str,
    rules: Rules,
    now: datetime,
    until: date | None = None,
    until_next_result: bool = False,
    reason: str | None = None,
    note: str = "",
    to: str | None = None,
    keyed_by: str | None = None,
) -> Alert:
    """Record a decision and judge the person anew, so that state, events and what the EHR should hold follow.

    Args:
        engine: the database.
        alert_id: the alert decided about.
        action: what was decided.
        by: who decided.
        rules: what to judge by.
        now: the moment, aware.
        until: the day a snooze wakes, or the monitoring date of a known cause; for the latter the rulebook's
            interval from today where it is not given.
        until_next_result: a snooze wakes with the next result.
        reason: the coded reason of an override; free text otherwise.
        note: free text.
        to: whom it is assigned to.
        keyed_by: who recorded it for them, where that may be somebody else; kept in the audit log.

    Returns:
        The alert as it stands afterwards.

    Raises:
        NotFound: no such alert.
        Conflict: its state does not permit the action.
        InvalidDecision: a date, a reason or a name is missing or one too many.
        Overloaded: another process kept the record busy for too long; nothing was recorded.
    """
    decided = Decided(alert_id, action, until, until_next_result, reason, note, to, keyed_by=keyed_by)
    return dispose_all(engine, [decided], by=by, rules=rules, now=now)[0]


def dispose_all(
    engine: Engine, decided: Sequence[Decided], *, by: str, rules: Rules, now: datetime
) -> list[Alert]:
    """Record several decisions of one person, all of them or none, in the order given.

    Returns:
        The alert of each as it stands after all of them.

    Raises:
        NotFound, Conflict, InvalidDecision, Overloaded: as `dispose`; Conflict also where an alert has become
            more urgent than the person saw it, or (`Changed`) is not what the person saw at all.
    """

    def work(connection: Connection) -> list[Alert]:
        locked = patients.lock(
            connection, {alerts.get(connection, each.alert_id).subject for each in decided}
        )
        for count, each in enumerate(decided):
            # Decisions are followed in the order of their instants: no two have the same.
            _record(connection, locked, each, by, rules, now + timedelta(microseconds=count))
        patients.save(connection, locked.values())
        return [alerts.get(connection, each.alert_id) for each in decided]

    return in_transaction(engine, work)


def say(engine: Engine, alert_id: UUID, kind: RemarkKind, *, by: str, now: datetime, text: str = "") -> None:
    """Keep what somebody says of an alert: it decides nothing, and is not written to the EHR.

    Args:
        engine: the database.
        alert_id: the alert.
        kind: a comment, or whether the alert was useful.
        by: who says so.
        now: the moment, aware.
        text: of a comment; also why an alert was useful or not.

    Raises:
        NotFound: no such alert.
        InvalidDecision: nobody named, or a comment without a word in it, or too long.
    """
    if not by.strip():
        raise InvalidDecision("a remark needs the name of the person who made it", where="by")
    if kind is RemarkKind.COMMENT and not text.strip():
        raise InvalidDecision("a comment needs words", where="text")
    if len(text) > LONGEST_REMARK:
        raise InvalidDecision(f"a remark has at most {LONGEST_REMARK} characters", where="text")
    made = Remark(uuid4(), alert_id, now, by.strip(), kind, text.strip())

    def work(connection: Connection) -> None:
        subject = alerts.get(connection, alert_id).subject
        patients.keep_there(connection, subject)
        remarks.add(connection, made)
        decisions.write_audit(
            connection,
            at=now,
            actor=made.by,
            action=f"remark-{kind}",
            source_id=patients.source_of(connection, subject),
            patient_id=subject,
            detail={"alert": str(alert_id), "remark": str(made.id)},
        )

    in_transaction(engine, work)


def _record(
    connection: Connection,
    locked: dict[int, PatientRow],
    decided: Decided,
    by: str,
    rules: Rules,
    now: datetime,
) -> None:
    alert = alerts.get(connection, decided.alert_id)
    if alert.subject not in locked:
        raise LostRace  # its results moved to another patient between the two reads
    if alerts.dispositions_of(connection, [decided.id]):
        return
    row = locked[alert.subject]
    source = sources.by_id(connection, row.source_id)
    read_under = {each.read_digest for each in locked.values() if each.person == row.person}
    if read_under != {rules.digest(source)}:
        check_agreement(connection, rules, read_under - {patients.NOT_ALL_ALIKE})
        raise Conflict(_OTHER_SETTINGS)
    if decided.seen_as is not None and _has_risen(alert, decided.seen_as, decided.seen_urgent):
        raise Conflict(_RISEN)
    if decided.seen_revision is not None and alert.revision != decided.seen_revision:
        raise Changed
    made = decide.dispose(
        alert,
        decided.action,
        by,
        now,
        until=_until(decided, rules, now),
        until_next_result=decided.until_next_result,
        reason=decided.reason,
        note=decided.note,
        to=decided.to,
        new_id=lambda: decided.id,
    )
    alerts.add_disposition(connection, made, alert.subject, alert.id)
    if judge(connection, locked, {row.person}, [], {source.id: source}, rules, now):
        locked[row.person].touch()  # visibly unjudged until a sweep succeeds; the decision is kept
    decisions.write_audit(
        connection,
        at=now,
        actor=made.by,
        action=f"dispose-{decided.action}",
        source_id=row.source_id,
        patient_id=alert.subject,
        detail={"alert": str(alert.id), "disposition": str(made.id)}
        | ({} if decided.keyed_by is None else {"keyed_by": decided.keyed_by}),
    )


def _has_risen(alert: Alert, tier: Tier, urgent: frozenset[str]) -> bool:
    """Whether it is of a higher tier than was seen, or urgent for what was not seen."""
    return alert.tier > tier or not urgent_criteria(alert.episode) <= urgent


def _until(decided: Decided, rules: Rules, now: datetime) -> date | None:
    if decided.action is Action.KNOWN_CAUSE and decided.until is None:
        return add_months(now.date(), rules.rulebook.rules.follow_up.monitoring_months)
    return decided.until
