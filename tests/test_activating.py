"""A rulebook put in force by two people: who they may be, from when it counts, and what it does once."""

import hashlib
import threading
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import Engine, func, select, update

from service import accounts
from service.activating import carry_out, confirm, propose, withdraw, withdraw_unreadable
from service.alerts.alert import Action
from service.clinical.rulebook import Rulebook, load_rulebook
from service.errors import Conflict, Damaged, Forbidden, InvalidDecision, NotFound
from service.ingest import InForce, RulebookChanged, Rules, outdated, rejudge, rules_in_force, sweeping, take
from service.ingest.in_force import NOTICE
from service.ingest.receiving import receive
from service.settings import code_version
from service.store import activations, users
from service.store.activations import Activation, State
from service.store.schema import activation, audit, decision, outbox, stored_text
from service.store.session import open_engine, reading, writing
from service.store.source_settings import SourceSettings
from service.store.users import Account, Person, Role
from service.two_people import SETTLED
from tests.ingest.feeding import NOW, RULEBOOK, Feed, observation, persistent
from tests.ingest.feeding import patient as person
from tests.quality.trying import GUIDELINE, LOADED, NARROW, load, made_up, standing

RULES = Rules(RULEBOOK)
LATER = NOW + timedelta(days=2)


class Committee:
    """People with accounts, and the rulebooks they put in force."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.account("adams", by="cli:root")
        self.account("bell", by="cli:root")

    def account(
        self, name: str, *roles: Role, by: str = "cli:root", at: datetime = NOW - timedelta(days=365)
    ) -> None:
        made = Account(
            name, name.title(), frozenset(roles or [Role.PHYSICIAN]), frozenset(), "kept", False, None, True
        )
        with writing(self.engine) as connection:
            accounts.add(connection, made, by=by, now=at)

    def change(self, name: str, *roles: Role, by: str, at: datetime = NOW) -> None:
        with writing(self.engine) as connection:
            known = users.by_id(connection, name)
            accounts.change(connection, replace(known, roles=frozenset(roles)), by=by, now=at)

    def propose(
        self,
        candidate: Rulebook = GUIDELINE,
        account: str = "adams",
        wanted_from: datetime | None = None,
        now: datetime = NOW,
    ) -> UUID:
        with writing(self.engine) as connection:
            rules = rules_in_force(connection, RULES, now)
            made = propose(connection, rules, candidate, account=account, wanted_from=wanted_from, now=now)
        return made.id

    def confirm(
        self, activation: UUID, account: str = "bell", now: datetime = NOW, shown: Rulebook | None = None
    ) -> datetime:
        with writing(self.engine) as connection:
            rules = rules_in_force(connection, RULES, now)
            digest = activations.by_id(connection, activation).digest if shown is None else shown.digest
            return confirm(connection, rules, activation, shown=digest, account=account, now=now)

    def withdraw(self, activation: UUID, by: str = "user:bell", now: datetime = NOW) -> None:
        with writing(self.engine) as connection:
            withdraw(connection, activation, by=by, now=now)

    def put_in_force(self, candidate: Rulebook = GUIDELINE, now: datetime = NOW) -> datetime:
        """At once: the moment."""
        return self.confirm(self.propose(candidate, now=now), now=now)

    def rules(self, now: datetime) -> Rules:
        with reading(self.engine) as connection:
            return rules_in_force(connection, RULES, now)

    def of(self, activation: UUID) -> Activation:
        with reading(self.engine) as connection:
            return activations.by_id(connection, activation)

    def audited(self) -> list[tuple[str, str, dict[str, Any]]]:
        query = select(audit).where(audit.c.action.like("rulebook%")).order_by(audit.c.id)
        with reading(self.engine) as connection:
            rows = connection.execute(query).all()
        return [(row.actor, row.action, msgspec.json.decode(row.detail)) for row in rows]


@pytest.fixture
def committee(engine: Engine) -> Committee:
    return Committee(engine)


@pytest.fixture
def feed(engine: Engine) -> Feed:
    return Feed(engine)


def digests(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(select(decision.c.rulebook_digest).order_by(decision.c.id)).scalars())


# -------------------------------------------------------------------------------------------- two people


def test_what_one_proposes_and_another_confirms_is_in_force(committee: Committee) -> None:
    moment = committee.put_in_force()
    assert moment == NOW + NOTICE
    assert committee.rules(NOW) == RULES
    assert committee.rules(moment).rulebook.digest == GUIDELINE.digest


def test_nobody_confirms_what_they_proposed(committee: Committee) -> None:
    proposed = committee.propose()
    with pytest.raises(Conflict, match="somebody else"):
        committee.confirm(proposed, "adams")
    assert committee.rules(LATER) == RULES


def test_the_database_itself_refuses_one_person(committee: Committee) -> None:
    proposed = committee.propose()
    with pytest.raises(Exception, match="two_people"), writing(committee.engine) as connection:
        activations.change(connection, proposed, confirmed_by="user:adams")


@pytest.mark.parametrize(("proposer", "confirmer"), [("adams", "puppet"), ("puppet", "adams")])
def test_nobody_confirms_with_an_account_that_the_other_made_even_before(
    committee: Committee, proposer: str, confirmer: str
) -> None:
    committee.account("puppet", by="user:adams")
    proposed = committee.propose(account=proposer)
    with pytest.raises(Conflict, match="managed the account"):
        committee.confirm(proposed, confirmer)
    committee.confirm(proposed, "bell")


def test_an_account_made_through_a_third_account_is_not_another_person_either(committee: Committee) -> None:
    committee.account("puppet", Role.ADMIN, by="user:adams")
    committee.account("puppets-puppet", by="user:puppet")
    proposed = committee.propose()
    with pytest.raises(Conflict, match="managed the account"):
        committee.confirm(proposed, "puppets-puppet")


def test_who_have_their_accounts_from_the_same_admin_are_two_people(committee: Committee) -> None:
    committee.account("chief", Role.ADMIN)
    for name in ("cole", "drew"):
        committee.account(name, by="user:chief")
    committee.confirm(committee.propose(account="cole"), "drew")


def test_an_account_whose_password_or_roles_the_other_gave_is_not_another_person(
    committee: Committee,
) -> None:
    with writing(committee.engine) as connection:
        accounts.give_password(
            connection, "bell", "kept", one_time=True, by="user:adams", now=NOW - timedelta(days=3)
        )
    with pytest.raises(Conflict, match="managed the account"):
        committee.confirm(committee.propose())


@pytest.mark.parametrize("by", ["user:chief", "cli:root"])
def test_an_account_made_or_changed_since_the_proposal_does_not_confirm_it(
    committee: Committee, by: str
) -> None:
    committee.account("cole", Role.NURSE)
    proposed = committee.propose()
    later = NOW + timedelta(minutes=5)
    committee.account("new", by=by, at=later)
    committee.change("cole", Role.PHYSICIAN, by=by, at=later)
    for name in ("new", "cole"):
        with pytest.raises(Conflict, match="your account was managed"):
            committee.confirm(proposed, name, now=later)
    committee.withdraw(proposed, now=later)
    settled = later + SETTLED
    with pytest.raises(Conflict, match="your account was managed"):
        committee.confirm(proposed := committee.propose(now=settled), "new", now=settled)
    committee.withdraw(proposed, now=settled)
    settled += timedelta(seconds=1)
    committee.confirm(committee.propose(now=settled), "new", now=settled)


@pytest.mark.parametrize("by", ["user:chief", "cli:alice"])
def test_who_reset_the_password_of_another_just_before_is_not_both(committee: Committee, by: str) -> None:
    """An operator of the machine or an admin keeps the password: nobody can tell who signs in."""
    with writing(committee.engine) as connection:
        accounts.give_password(
            connection, "adams", "kept", one_time=True, by=by, now=NOW - timedelta(minutes=1)
        )
    with pytest.raises(Conflict, match="somebody else has to propose"):
        committee.propose()
    committee.account("cole")
    proposed = committee.propose(account="cole")
    with pytest.raises(Conflict, match="your account was managed"):
        committee.confirm(proposed, "adams")
    with writing(committee.engine) as connection:
        accounts.give_password(connection, "cole", "kept", one_time=True, by=by, now=NOW)
    with pytest.raises(Conflict, match="the account of who proposed it was managed"):
        committee.confirm(proposed)


def test_who_was_managed_long_enough_ago_proposes(committee: Committee) -> None:
    committee.change("adams", Role.PHYSICIAN, Role.NURSE, by="user:chief", at=NOW - SETTLED)
    with pytest.raises(Conflict, match="somebody else has to propose"):
        committee.propose()
    settled = NOW + timedelta(seconds=1)
    committee.confirm(committee.propose(now=settled), now=settled)


def test_accounts_of_different_issuers_may_be_one_person(committee: Committee) -> None:
    clinic, ehr = "https://login.clinic.test", "https://ehr.clinic.test/fhir"
    people = [Person(clinic, "1", "Ada A"), Person(ehr, "7", "Ada B"), Person(clinic, "2", "Ben C")]
    with writing(committee.engine) as connection:
        ada, ada_of_the_ehr, ben = (
            users.vouched_for(connection, each, NOW, roles=[Role.PHYSICIAN], names=[]).id for each in people
        )
    proposed = committee.propose(account=ada)
    for other in (ada_of_the_ehr, "bell"):
        with pytest.raises(Conflict, match="do not sign in where"):
            committee.confirm(proposed, other)
    committee.confirm(proposed, ben)


def test_nobody_confirms_another_candidate_than_they_were_shown(committee: Committee) -> None:
    proposed = committee.propose(GUIDELINE)
    with pytest.raises(Conflict, match="another candidate"):
        committee.confirm(proposed, shown=NARROW)
    assert committee.of(proposed).in_force_from is None


@pytest.mark.parametrize("role", [each for each in Role if each is not Role.PHYSICIAN])
def test_only_physicians_propose_and_confirm(committee: Committee, role: Role) -> None:
    committee.account("other", role)
    with pytest.raises(Forbidden):
        committee.propose(account="other")
    proposed = committee.propose()
    with pytest.raises(Forbidden):
        committee.confirm(proposed, "other")
    with pytest.raises(Forbidden):
        committee.confirm(proposed, "nobody")


def test_what_somebody_proposed_who_may_not_any_more_is_not_confirmed(committee: Committee) -> None:
    proposed = committee.propose()
    with writing(committee.engine) as connection:
        accounts.remove(connection, "adams", by="user:chief", now=NOW)
    with pytest.raises(Conflict, match="any more"):
        committee.confirm(proposed)


def test_it_is_confirmed_once(committee: Committee) -> None:
    committee.account("cole")
    proposed = committee.propose(wanted_from=LATER)
    committee.confirm(proposed)
    with pytest.raises(Conflict, match="already"):
        committee.confirm(proposed, "cole")
    with pytest.raises(NotFound):
        committee.confirm(UUID(int=1))


def test_one_proposal_is_under_way_at_a_time(committee: Committee) -> None:
    first = committee.propose()
    with pytest.raises(Conflict, match="withdraw it first"):
        committee.propose(NARROW)
    committee.confirm(first)
    with pytest.raises(Conflict, match="withdraw it first"):
        committee.propose(NARROW)
    committee.propose(NARROW, now=NOW + NOTICE)


def test_the_rulebook_in_force_is_not_proposed_again(committee: Committee) -> None:
    with pytest.raises(Conflict, match="in force already"):
        committee.propose(load_rulebook())
    moment = committee.put_in_force()
    with pytest.raises(Conflict, match="in force already"):
        committee.propose(GUIDELINE, now=moment)
    committee.put_in_force(load_rulebook(), now=moment)
    assert committee.rules(moment + NOTICE).rulebook.digest == RULEBOOK.digest


# ------------------------------------------------------------------------------------------- the moment


def test_a_moment_that_lies_ahead_is_waited_for(committee: Committee) -> None:
    proposed = committee.propose(wanted_from=LATER)
    assert committee.confirm(proposed) == LATER
    assert committee.of(proposed).state(NOW) is State.CONFIRMED
    assert committee.rules(LATER - timedelta(microseconds=1)) == RULES
    assert committee.rules(LATER).rulebook.digest == GUIDELINE.digest
    assert committee.of(proposed).state(LATER) is State.IN_FORCE


def test_a_moment_that_passed_before_it_was_confirmed_is_that_of_the_confirmation(
    committee: Committee,
) -> None:
    proposed = committee.propose(wanted_from=NOW + timedelta(hours=1))
    assert committee.confirm(proposed, now=LATER) == LATER + NOTICE


def test_a_moment_in_the_past_is_not_proposed(committee: Committee) -> None:
    with pytest.raises(InvalidDecision):
        committee.propose(wanted_from=NOW)


@pytest.mark.parametrize("confirmed", [False, True])
def test_what_is_withdrawn_before_its_moment_is_never_in_force(committee: Committee, confirmed: bool) -> None:
    proposed = committee.propose(wanted_from=LATER)
    if confirmed:
        committee.confirm(proposed)
    committee.withdraw(proposed, by="cli:root")
    assert committee.rules(LATER) == RULES
    for step in (committee.withdraw, committee.confirm):
        with pytest.raises(Conflict):
            step(proposed)
    committee.propose(NARROW)


@pytest.mark.parametrize("early", [timedelta(0), NOTICE / 2, -NOTICE])
def test_what_is_in_force_or_about_to_be_is_not_withdrawn(committee: Committee, early: timedelta) -> None:
    proposed = committee.propose(wanted_from=LATER)
    committee.confirm(proposed)
    with pytest.raises(Conflict, match="about to be"):
        committee.withdraw(proposed, now=LATER - early)


def test_what_a_clock_that_is_ahead_has_begun_is_not_withdrawn(committee: Committee, feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"))
    proposed = committee.propose(wanted_from=LATER)
    committee.confirm(proposed)
    ahead = InForce(committee.engine, RULES, lambda: LATER)
    assert carry_out(committee.engine, ahead.rules, LATER) == 1
    with pytest.raises(Conflict, match="in force"):
        committee.withdraw(proposed, now=LATER - NOTICE * 2)


def test_what_is_withdrawn_is_not_begun_by_a_clock_that_is_ahead(
    committee: Committee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two, for it was read before it was withdrawn."""
    proposed = committee.propose(wanted_from=LATER)
    committee.confirm(proposed)
    rules, known = committee.rules(LATER), committee.of(proposed)
    committee.withdraw(proposed)
    monkeypatch.setattr(activations, "latest_in_force", lambda *_: known)
    assert carry_out(committee.engine, rules, LATER) == 0
    assert committee.of(proposed).begun_at is None


def test_a_process_that_took_up_too_early_what_is_withdrawn_goes_back(committee: Committee) -> None:
    proposed = committee.propose(wanted_from=LATER)
    committee.confirm(proposed)
    ahead = InForce(committee.engine, RULES, lambda: LATER)
    assert ahead.rules.rulebook.digest == GUIDELINE.digest
    committee.withdraw(proposed, now=LATER - NOTICE * 2)
    ahead.look()
    assert ahead.rules == RULES


def test_every_step_is_audited_with_rulebook_and_moment(committee: Committee) -> None:
    proposed = committee.propose(wanted_from=LATER)
    committee.confirm(proposed)
    committee.withdraw(proposed, by="cli:root")
    named = {"activation": str(proposed), "rulebook": GUIDELINE.digest}
    at = {"from": LATER.isoformat()}
    assert committee.audited() == [
        ("user:adams", "rulebook-propose", named | at),
        ("user:bell", "rulebook-confirm", named | at),
        ("cli:root", "rulebook-withdraw", named),
    ]


# ------------------------------------------------------------------ what this release cannot read


def spoil(engine: Engine, rulebook: Rulebook = GUIDELINE) -> None:
    """As where another release kept it, which knew one entry less than this one asks for."""
    text = "\n".join(line for line in rulebook.text.splitlines() if "close_days" not in line)
    digest = hashlib.sha256(text.encode()).hexdigest()
    with writing(engine) as connection:
        kept = update(stored_text).where(stored_text.c.digest == rulebook.digest)
        connection.execute(kept.values(digest=digest, text=text))
        made = update(activation).where(activation.c.digest == rulebook.digest)
        connection.execute(made.values(digest=digest))


def test_what_cannot_be_read_is_not_confirmed(committee: Committee) -> None:
    proposed = committee.propose()
    spoil(committee.engine)
    with pytest.raises(Conflict, match="cannot read"):
        committee.confirm(proposed)


def test_what_will_be_in_force_and_cannot_be_read_keeps_nobody_from_what_is(
    committee: Committee, caplog: pytest.LogCaptureFixture
) -> None:
    moment = committee.put_in_force(NARROW)
    held = InForce(committee.engine, RULES, lambda: moment)
    committee.confirm(committee.propose(wanted_from=LATER, now=moment), now=moment)
    spoil(committee.engine)
    held.look()
    assert held.rules.rulebook.digest == NARROW.digest
    assert "nobody will be judged from" in caplog.text


def test_a_rulebook_in_force_that_cannot_be_read_is_withdrawn_for_the_one_before(
    committee: Committee,
) -> None:
    before = committee.put_in_force(NARROW)
    moment = committee.put_in_force(now=before)
    carry_out(committee.engine, committee.rules(moment), moment)
    spoil(committee.engine)
    with pytest.raises(Damaged, match="withdraw --unreadable"):
        InForce(committee.engine, RULES, lambda: moment)
    with writing(committee.engine) as connection:
        withdraw_unreadable(connection, by="cli:root", now=moment)
    assert InForce(committee.engine, RULES, lambda: moment).rules.rulebook.digest == NARROW.digest
    actor, action, detail = committee.audited()[-1]
    assert (actor, action, detail["unreadable_by"]) == ("cli:root", "rulebook-withdraw", code_version())


@pytest.mark.parametrize("before", [NARROW, None])
def test_after_an_unreadable_one_is_withdrawn_everybody_is_judged_by_what_counts_again(
    committee: Committee, feed: Feed, monkeypatch: pytest.MonkeyPatch, before: Rulebook | None
) -> None:
    monkeypatch.setattr(sweeping, "CHUNK", 1)
    for name in ("p1", "p2"):
        feed.send(person(name), *persistent(name, name, times=0.9))
    moment = NOW if before is None else committee.put_in_force(before)
    carry_out(committee.engine, committee.rules(moment), moment)
    stood = feed.alerts()
    moment = committee.put_in_force(now=moment)
    assert carry_out(committee.engine, committee.rules(moment), moment) == 2
    assert feed.alerts() != stood
    spoil(committee.engine)
    with writing(committee.engine) as connection:
        withdraw_unreadable(connection, by="cli:root", now=moment)
    moment += timedelta(days=3)  # nobody could start a service meanwhile
    rules = committee.rules(moment)
    with pytest.raises(KeyboardInterrupt):
        carry_out(committee.engine, rules, moment, progress=stopping)
    assert carry_out(committee.engine, rules, moment) == 1
    assert carry_out(committee.engine, rules, moment) == 0
    with reading(committee.engine) as connection:
        assert not outdated(connection, rules)
    assert len(feed.alerts()) == len(stood)
    _, action, detail = committee.audited()[-1]
    assert (action, detail["rulebook"]) == ("rulebook-rejudged", rules.rulebook.digest)


def test_processes_whose_settings_name_different_rulebooks_do_not_judge_against_each_other_for_ever(
    committee: Committee, feed: Feed
) -> None:
    feed.send(person("p1"), *persistent("p1", "p1", times=0.9))
    moment = committee.put_in_force()
    carry_out(committee.engine, committee.rules(moment), moment)
    spoil(committee.engine)
    with writing(committee.engine) as connection:
        withdraw_unreadable(connection, by="cli:root", now=moment)
    one, other = RULES, replace(RULES, rulebook=NARROW)
    judged = [carry_out(committee.engine, rules, moment) for rules in (one, other, one, other)]
    assert judged == [1, 0, 0, 0]


def stopping(_judged: int, _failed: int) -> None:
    raise KeyboardInterrupt


def test_a_rulebook_in_force_that_can_be_read_is_not_withdrawn_by_one(committee: Committee) -> None:
    for moment, refused in ((NOW, NotFound), (committee.put_in_force(), Conflict)):
        with pytest.raises(refused), writing(committee.engine) as connection:
            withdraw_unreadable(connection, by="cli:root", now=moment)
    assert committee.rules(moment).rulebook.digest == GUIDELINE.digest


# -------------------------------------------------------------------------- every process, at the moment


def test_a_process_changes_over_by_itself_at_the_moment(committee: Committee) -> None:
    clock = [NOW]
    held = InForce(committee.engine, RULES, lambda: clock[0])
    committee.confirm(committee.propose(wanted_from=LATER))
    held.look()
    assert held.rules == RULES
    clock[0] = LATER
    assert held.rules.rulebook.digest == GUIDELINE.digest
    held.look()
    assert held.rules.rulebook.digest == GUIDELINE.digest


def before(held: InForce) -> str | None:
    """The digest of what is known to have been in force until then."""
    found = held.rules.before
    return None if found is None else found.digest


def test_it_is_known_what_was_in_force_before(committee: Committee) -> None:
    clock = [NOW]
    held = InForce(committee.engine, RULES, lambda: clock[0])
    assert before(held) is None
    committee.confirm(committee.propose(NARROW, wanted_from=LATER))
    held.look()
    clock[0] = LATER  # it changes over by its own clock, and has not looked since
    assert before(held) == RULEBOOK.digest
    started = InForce(committee.engine, replace(RULES, rulebook=NARROW), lambda: LATER)
    assert before(started) == RULEBOOK.digest, "whatever the settings name by now"
    clock[0] = committee.put_in_force(now=LATER)
    held.look()
    assert (held.rules.rulebook.digest, before(held)) == (GUIDELINE.digest, NARROW.digest)
    spoil(committee.engine)
    with writing(committee.engine) as connection:
        withdraw_unreadable(connection, by="cli:root", now=clock[0])
    held.look()
    assert (held.rules.rulebook.digest, before(held)) == (NARROW.digest, RULEBOOK.digest)


def test_a_process_that_starts_takes_what_is_in_force_whatever_its_settings_name(
    committee: Committee,
) -> None:
    moment = committee.put_in_force()
    started = InForce(committee.engine, replace(RULES, rulebook=NARROW, clock="data"), lambda: moment)
    assert (started.rules.rulebook.digest, started.rules.clock) == (GUIDELINE.digest, "data")


def test_who_does_not_know_of_it_judges_nobody(committee: Committee, feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"))
    feed.now = committee.put_in_force(now=feed.now)
    with pytest.raises(RulebookChanged):
        feed.send(observation("o9", "p1", 9, days_ago=1))
    with pytest.raises(RulebookChanged):
        feed.decide(feed.elevation(), Action.TAKE)
    with pytest.raises(RulebookChanged):
        rejudge(feed.engine, feed.rules, feed.now)
    assert "o9" not in feed.results()


def test_what_was_decoded_by_the_older_rulebook_is_not_judged_by_the_new_one(
    committee: Committee, feed: Feed
) -> None:
    moment = committee.put_in_force()
    late = replace(feed.delivery(person("p1"), *persistent("p1")), read_by=RULEBOOK.digest)
    with pytest.raises(RulebookChanged):
        take(feed.engine, [late], committee.rules(moment), moment)
    assert feed.results() == {}


# -------------------------------------------------------------------------------- everybody judged anew


def people(feed: Feed) -> None:
    """Whose alerts come, go, change, and stay under the guideline's limits."""
    for number, times in enumerate((0.9, 1.2, 3, 9, 30)):
        feed.send(person(f"p{number}"), *persistent(f"p{number}", prefix=f"o{number}-", times=times))


def test_open_alerts_are_judged_anew_once_and_none_is_doubled(committee: Committee, feed: Feed) -> None:
    people(feed)
    before = {each.id for each in feed.alerts(gone=True)}
    taken = feed.decide(feed.elevations()[0], Action.TAKE)
    moment = committee.put_in_force()
    rules = committee.rules(moment)
    assert carry_out(feed.engine, rules, moment) == 5
    assert before <= {each.id for each in feed.alerts(gone=True)}
    assert next(each for each in feed.alerts() if each.id == taken.id).owner == taken.owner
    made = digests(feed.engine)
    assert Counter(made[-5:]) == {GUIDELINE.digest: 5}
    assert carry_out(feed.engine, rules, moment + timedelta(minutes=1)) == 0
    assert carry_out(feed.engine, rules, moment + timedelta(days=1)) == 0
    assert digests(feed.engine) == made
    (last,) = [each for each in committee.audited() if each[1] == "rulebook-rejudged"]
    assert (last[0], last[2]["failed"]) == ("liverwatch", 0)


@pytest.mark.parametrize("candidate", [GUIDELINE, NARROW])
def test_it_comes_to_what_a_fresh_load_under_it_makes(
    committee: Committee, engine: Engine, fresh: Engine, tmp_path: Path, candidate: Rulebook
) -> None:
    folder = made_up(tmp_path / "made-up", 40)
    load(engine, folder, RULES)
    before = standing(engine)
    moment = committee.put_in_force(candidate, now=LOADED)
    carry_out(engine, committee.rules(moment), moment)
    load(fresh, folder, replace(RULES, rulebook=candidate))
    assert standing(engine) == standing(fresh)
    assert standing(engine) != before


def test_a_restart_in_the_middle_goes_on_and_does_nothing_twice(
    committee: Committee, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(feed)
    moment = committee.put_in_force()
    rules = committee.rules(moment)
    monkeypatch.setattr("service.ingest.sweeping.CHUNK", 2)
    judged = 0

    def stopped(*given: Any, **more: Any) -> tuple[int, int]:
        nonlocal judged
        judged += 1
        if judged == 2:
            raise KeyboardInterrupt
        return judge_page(*given, **more)

    judge_page = sweeping.judge_page
    with monkeypatch.context() as until_stopped:
        until_stopped.setattr(sweeping, "judge_page", stopped)
        with pytest.raises(KeyboardInterrupt):
            carry_out(feed.engine, rules, moment)
    with reading(feed.engine) as connection:
        assert outdated(connection, rules)
        made = activations.latest_in_force(connection, moment)
    assert made is not None
    assert made.rejudged_at is None
    restarted = InForce(feed.engine, RULES, lambda: moment)
    assert carry_out(feed.engine, restarted.rules, moment) == 3
    assert Counter(digests(feed.engine))[GUIDELINE.digest] == 5
    assert (committee.of(made.id).rejudged_at or NOW) >= moment


def test_who_was_new_at_the_very_moment_and_judged_by_the_older_one_is_judged_anew_too(
    postgres_url: str,
) -> None:
    """Their transaction had begun before it, and is committed when everybody else is through."""
    engine = open_engine(postgres_url, durable=False)
    committee, feed = Committee(engine), Feed(engine)
    people(feed)
    moment = committee.put_in_force()
    rules = committee.rules(moment)
    with engine.begin() as late:
        receive(
            late, [feed.delivery(person("new"), *persistent("new", prefix="n", times=0.9))], feed.rules, NOW
        )
        assert carry_out(engine, rules, moment) == 5
    with reading(engine) as connection:
        assert outdated(connection, rules)
    assert carry_out(engine, rules, moment + timedelta(minutes=1)) == 1
    with reading(engine) as connection:
        assert not outdated(connection, rules)
    engine.dispose()


def test_a_process_whose_clock_lags_undoes_nothing(committee: Committee, feed: Feed) -> None:
    people(feed)
    moment = committee.put_in_force()
    carry_out(feed.engine, committee.rules(moment), moment)
    assert feed.now < moment
    with pytest.raises(RulebookChanged):
        feed.send(observation("late", "p0", 9, days_ago=1))
    lagging = InForce(feed.engine, RULES, lambda: feed.now)
    assert lagging.rules.rulebook.digest == GUIDELINE.digest


def test_another_that_comes_into_force_in_the_meantime_stops_it(
    committee: Committee, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(feed)
    moment = committee.put_in_force()
    second = committee.put_in_force(NARROW, now=moment)
    passing = count(step=(second - moment).total_seconds())
    monkeypatch.setattr(sweeping, "time", SimpleNamespace(monotonic=lambda: next(passing)))
    with pytest.raises(RulebookChanged):
        carry_out(feed.engine, committee.rules(moment), moment)
    monkeypatch.undo()
    assert carry_out(feed.engine, committee.rules(second), second) == 5


def test_what_becomes_of_an_alert_is_written_to_the_ehr_once(committee: Committee, engine: Engine) -> None:
    feed = Feed(engine, SourceSettings(fhir_base_url="https://ehr.clinic.test/fhir"), name="ehr")
    people(feed)
    moment = committee.put_in_force()
    carry_out(engine, committee.rules(moment), moment)
    with reading(engine) as connection:
        rows = connection.execute(select(func.count()).select_from(outbox)).scalar_one()
    assert rows == len({each.id for each in feed.alerts(gone=True)})


def test_two_that_are_proposed_at_once_do_not_both_stand(postgres_url: str) -> None:
    """The second waits for the first, then sees it."""
    engine = open_engine(postgres_url, durable=False)
    committee = Committee(engine)
    failed: list[BaseException] = []

    def second() -> None:
        try:
            committee.propose(NARROW, "bell")
        except Conflict as error:
            failed.append(error)

    with writing(engine) as connection:
        propose(connection, RULES, GUIDELINE, account="adams", wanted_from=None, now=NOW)
        waiting = threading.Thread(target=second)
        waiting.start()
    waiting.join(timeout=30)
    assert len(failed) == 1
    engine.dispose()
