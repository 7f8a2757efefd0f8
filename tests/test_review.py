from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, select

from service.alerts.alert import Action, Alert, RemarkKind, State
from service.alerts.states import urgent_criteria
from service.clinical.episodes import Family, Tier
from service.clinical.rulebook import load_rulebook
from service.errors import Conflict, InvalidDecision, NotFound
from service.ingest import Rules
from service.loading import Loader, ensure_source, find_files
from service.review import Changed, Decided, dispose, dispose_all, say
from service.store import alerts, patients, remarks
from service.store.schema import alert, alert_event, audit, disposition
from service.store.session import reading
from tests.liver_files import in_mg_per_dl, persistent, result, write_lines

NOW = datetime(2024, 9, 10, 12, tzinfo=UTC)
RULES = Rules(load_rulebook(), clock="system")


@pytest.fixture
def feed(engine: Engine, tmp_path: Path) -> Callable[..., None]:
    """Store and judge resources as of a moment."""

    def run(resources: list[Any], at: datetime = NOW) -> None:
        source, _ = ensure_source(engine, "files", NOW, "test")
        Loader(engine, source, RULES, clock=lambda: at).load(
            find_files([write_lines(tmp_path / "a.ndjson", resources)])
        )

    return run


def the_alert(engine: Engine) -> Alert:
    with reading(engine) as connection:
        (content,) = connection.execute(select(alert.c.content)).scalars()
    return alerts.decode(content)


def transaminase(engine: Engine) -> Alert:
    with reading(engine) as connection:
        contents = connection.execute(select(alert.c.content)).scalars()
        (found,) = (each for each in map(alerts.decode, contents) if each.family is Family.TRANSAMINASE)
    return found


def decide(
    engine: Engine, action: Action, at: datetime = NOW, alert_id: UUID | None = None, **more: Any
) -> Alert:
    chosen = alert_id or the_alert(engine).id
    said: dict[str, Any] = {"by": "nurse", "rules": RULES, "now": at} | more
    return dispose(engine, chosen, action, **said)


def test_a_decision_is_kept_with_its_event_and_its_audit_and_the_alert_follows(
    engine: Engine, feed: Callable[..., None]
) -> None:
    feed(persistent("p1"))
    before = the_alert(engine)
    after = decide(engine, Action.TAKE, note="calling her")
    assert (after.state, after.owner, after.revision) == (State.TAKEN, "nurse", before.revision + 1)
    assert after == the_alert(engine)
    with reading(engine) as connection:
        assert connection.execute(select(disposition.c.action)).scalars().all() == ["take"]
        assert "open → taken" in connection.execute(select(alert_event.c.detail)).scalars().all()
        noted = connection.execute(select(audit).where(audit.c.action == "dispose-take")).one()
        assert (noted.actor, noted.patient_id) == ("nurse", after.subject)
        assert "calling" not in noted.detail
        assert patients.unjudged(connection, 10) == []


def test_a_snooze_until_the_next_result_ends_with_it(engine: Engine, feed: Callable[..., None]) -> None:
    feed(persistent("p1"))
    assert decide(engine, Action.SNOOZE, until_next_result=True).state is State.SNOOZED
    feed([result("next", "p1", "2024-09-12")], NOW + timedelta(days=3))
    assert the_alert(engine).state is State.OPEN


def test_a_known_cause_is_monitored_by_default_as_long_as_the_rulebook_says(
    engine: Engine, feed: Callable[..., None]
) -> None:
    feed(persistent("p1"))
    after = decide(engine, Action.KNOWN_CAUSE)
    assert (after.state, after.wakes) == (State.MONITORING, date(2025, 3, 10))


def test_hys_law_reopens_an_override_of_a_severe_elevation(engine: Engine, feed: Callable[..., None]) -> None:
    severe = [result("alt-1", "p1", "2024-09-09", 1284)]
    feed(severe)
    decide(engine, Action.OVERRIDE, reason="already-managed")
    more_of_the_same = [*severe, result("alt-2", "p1", "2024-09-11", 1290)]
    feed(more_of_the_same, NOW + timedelta(days=1))
    assert the_alert(engine).state is State.OVERRIDDEN
    jaundice = result("bilirubin", "p1", "2024-09-11", analyte="bilirubin", **in_mg_per_dl(5, 1.2))
    feed([*more_of_the_same, jaundice, result("alp", "p1", "2024-09-11", 35, "ALP")], NOW + timedelta(days=1))
    reopened = transaminase(engine)
    assert (reopened.state, reopened.tier) == (State.OPEN, Tier.URGENT)
    assert "hys-law" in urgent_criteria(reopened.episode)


def test_an_override_is_undone_by_reopening(engine: Engine, feed: Callable[..., None]) -> None:
    feed(persistent("p1"))
    assert decide(engine, Action.OVERRIDE, reason="already-managed").state is State.OVERRIDDEN
    assert decide(engine, Action.REOPEN, NOW + timedelta(minutes=1)).state is State.OPEN


@pytest.mark.parametrize(
    ("action", "more", "refusal"),
    [
        (Action.REOPEN, {}, Conflict),
        (Action.SNOOZE, {}, InvalidDecision),
        (Action.SNOOZE, {"until": date(2024, 9, 10)}, InvalidDecision),
        (Action.OVERRIDE, {"reason": "because"}, InvalidDecision),
        (Action.TAKE, {"by": "  "}, InvalidDecision),
        (Action.TAKE, {"alert_id": uuid4()}, NotFound),
    ],
)
def test_a_decision_that_cannot_be_leaves_everything_as_it_was(
    engine: Engine, feed: Callable[..., None], action: Action, more: dict[str, Any], refusal: type[Exception]
) -> None:
    feed(persistent("p1"))
    before = the_alert(engine)
    with pytest.raises(refusal):
        decide(engine, action, **more)
    assert the_alert(engine) == before
    with reading(engine) as connection:
        assert connection.execute(select(disposition)).all() == []


def test_a_decision_is_kept_even_if_judging_fails_and_the_record_is_visibly_unjudged(
    engine: Engine, feed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(persistent("p1"))

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr("service.ingest.judging.assess", broken)
        assert decide(engine, Action.TAKE).state is State.OPEN
    with reading(engine) as connection:
        assert len(patients.unjudged(connection, 10)) == 1
    feed([], NOW)
    assert the_alert(engine).state is State.TAKEN


def test_who_acts_on_what_has_changed_meanwhile_is_told_and_nothing_is_overwritten(
    engine: Engine, feed: Callable[..., None]
) -> None:
    feed(persistent("p1"))
    seen = the_alert(engine)
    decide(engine, Action.TAKE)
    late = Decided(seen.id, Action.OVERRIDE, reason="duplicate", seen_revision=seen.revision)
    with pytest.raises(Changed, match="nothing was recorded"):
        dispose_all(engine, [late], by="nurse Bo", rules=RULES, now=NOW)
    after = the_alert(engine)
    assert (after.state, after.owner) == (State.TAKEN, "nurse")
    assert len(after.dispositions) == 1


def test_who_is_given_an_alert_owns_it_and_who_gave_it_is_on_record(
    engine: Engine, feed: Callable[..., None]
) -> None:
    feed(persistent("p1"))
    after = decide(engine, Action.ASSIGN, to="Bo")
    assert (after.state, after.owner) == (State.TAKEN, "Bo")
    with reading(engine) as connection:
        noted = connection.execute(select(audit).where(audit.c.action == "dispose-assign")).one()
    assert noted.actor == "nurse"


def test_a_remark_is_kept_and_audited_without_its_words_and_changes_nothing(
    engine: Engine, feed: Callable[..., None]
) -> None:
    feed(persistent("p1"))
    before = the_alert(engine)
    say(engine, before.id, RemarkKind.COMMENT, by="nurse", now=NOW, text=" spoke to her son ")
    say(engine, before.id, RemarkKind.USEFUL, by="Bo", now=NOW + timedelta(seconds=1))
    assert the_alert(engine) == before
    with reading(engine) as connection:
        said = remarks.of_alerts(connection, [before.id])
        details = (
            connection.execute(select(audit.c.detail).where(audit.c.action.like("remark-%"))).scalars().all()
        )
    assert [(each.by, each.kind, each.text) for each in said] == [
        ("nurse", RemarkKind.COMMENT, "spoke to her son"),
        ("Bo", RemarkKind.USEFUL, ""),
    ]
    assert len(details) == 2
    assert "son" not in "".join(details)


@pytest.mark.parametrize(("text", "by"), [("  ", "nurse"), ("x" * 4001, "nurse"), ("x", " ")])
def test_a_comment_needs_words_of_a_bearable_length_and_a_name(
    engine: Engine, feed: Callable[..., None], text: str, by: str
) -> None:
    feed(persistent("p1"))
    with pytest.raises(InvalidDecision):
        say(engine, the_alert(engine).id, RemarkKind.COMMENT, by=by, now=NOW, text=text)
