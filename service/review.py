"""What people decide about alerts: kept for ever, and what follows from it, in one transaction."""

from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine

from service.alerts import decide
from service.alerts.alert import Action, Alert
from service.clinical.months import add_months
from service.ingest import LostRace, Rules, check_agreement, judge
from service.ingest.receiving import in_transaction
from service.errors import Conflict
from service.store import alerts, decisions, patients, sources


_OTHER_SETTINGS = (
    "the settings of this source have changed since the record was judged: run `liverwatch rejudge` first"
)


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

    Returns:
        The alert as it stands afterwards.

    Raises:
        NotFound: no such alert.
        Conflict: its state does not permit the action.
        InvalidDecision: a date, a reason or a name is missing or one too many.
        Overloaded: another process kept the record busy for too long; nothing was recorded.
    """
    if action is Action.KNOWN_CAUSE and until is None:
        until = add_months(now.date(), rules.rulebook.rules.follow_up.monitoring_months)

    def work(connection: Connection) -> Alert:
        locked = patients.lock(connection, [alerts.get(connection, alert_id).subject])
        alert = alerts.get(connection, alert_id)
        if alert.subject not in locked:
            raise LostRace  # its results moved to another patient between the two reads
        row = locked[alert.subject]
        if row.read_digest != rules.digest(sources.by_id(connection, row.source_id)):
            check_agreement(connection, rules, {row.read_digest})
            raise Conflict(_OTHER_SETTINGS)
        made = decide.dispose(
            alert,
            action,
            by,
            now,
            until=until,
            until_next_result=until_next_result,
            reason=reason,
            note=note,
            new_id=uuid4,
        )
        alerts.add_disposition(connection, made, alert.subject, alert.id)
        if judge(connection, locked, {row.person}, [], rules, now):
            locked[row.person].touch()  # visibly unjudged until a sweep succeeds; the decision is kept
        patients.save(connection, locked.values())
        decisions.write_audit(
            connection,
            at=now,
            actor=made.by,
            action=f"dispose-{action}",
            source_id=row.source_id,
            patient_id=alert.subject,
            detail={"alert": str(alert.id), "disposition": str(made.id)},
        )
        return alerts.get(connection, alert_id)

    return in_transaction(engine, work)
