"""Putting a rulebook in force: proposed by one person, confirmed by another, from a moment on.

What two people are: two accounts, of which neither was ever made or changed by the other, nor by an account
that the other made, and of which the second was not made or changed by anybody since the first proposed: who
manages accounts could else be both.
The operator of the machine can do neither, for a shell does not tell who sits at it; but they may withdraw,
by which nobody is judged otherwise.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine

from service.clinical.rulebook import Rulebook
from service.errors import Conflict, Forbidden, InvalidDecision
from service.ingest import Rules, outdated, rejudge
from service.ingest.in_force import NOTICE
from service.store import activations, decisions, users
from service.store.account_managing import managed_by, was_managed
from service.store.activations import Activation, State
from service.store.schema import activation
from service.store.session import reading, write_alone, writing
from service.store.users import ACTOR, Role

DECIDERS: Final = (Role.PHYSICIAN,)
"""Who may propose and confirm: rules are medicine, and admins could make themselves a second person."""
LATE: Final = timedelta(hours=1)
"""For so long after the moment it is looked whether somebody new was still judged by the older rulebook.

What was under way when the moment came ends by the one that it began with. Whoever was known is judged anew
after that, for their records are locked; but of somebody new nobody knows before it is committed.
"""


_ITSELF: Final = "liverwatch"
"""What the audit log calls this service."""


def propose(
    connection: Connection,
    rules: Rules,
    candidate: Rulebook,
    *,
    account: str,
    wanted_from: datetime | None,
    now: datetime,
) -> Activation:
    """Propose that a rulebook be in force.

    Args:
        connection: in a transaction that may write.
        rules: what records are judged by now.
        candidate: the rulebook.
        account: id of who proposes it.
        wanted_from: from when it should be in force (aware); None: as soon as it is confirmed.
        now: the moment, aware.

    Raises:
        Conflict: it is the one in force, or there is a proposal already.
        Forbidden: the account may not.
        InvalidDecision: the moment has passed.
    """
    write_alone(connection, activation)
    _check_decides(connection, account)
    _check_differs(rules, candidate.digest)
    if activations.pending(connection, now) is not None:
        raise Conflict("another proposal is under way: withdraw it first")
    if wanted_from is not None and wanted_from <= now:
        raise InvalidDecision("the moment from which it is in force lies in the past", where="from")
    decisions.keep_texts(connection, {candidate.digest: candidate.text}, now)
    made = Activation(uuid4(), candidate.digest, f"{ACTOR}{account}", now, wanted_from)
    activations.add(connection, made)
    _audit(connection, made, "rulebook-propose", made.proposed_by, now, moment=wanted_from)
    return made


def confirm(
    connection: Connection, rules: Rules, activation_id: UUID, *, account: str, now: datetime
) -> datetime:
    """Confirm what somebody else proposed; the moment from which it is in force.

    That is not before every process can have learnt of it.

    Raises:
        NotFound: there is no such proposal.
        Conflict: it is not to be confirmed any more, or not by this person; who proposed it may not any more.
        Forbidden: the account may not.
    """
    write_alone(connection, activation)
    made = activations.by_id(connection, activation_id)
    if made.state(now) is not State.PROPOSED:
        raise Conflict("this proposal has been confirmed or withdrawn already")
    _check_differs(rules, made.digest)
    proposer = made.proposed_by.removeprefix(ACTOR)
    _check_decides(connection, account)
    if not _decides(connection, proposer):
        raise Conflict("who proposed it may not put a rulebook in force any more: withdraw it")
    _check_two_people(connection, proposer, account, made.proposed_at)
    moment = max(made.wanted_from or now, now + NOTICE)
    by = f"{ACTOR}{account}"
    activations.change(connection, made.id, confirmed_by=by, confirmed_at=now, in_force_from=moment)
    _audit(connection, made, "rulebook-confirm", by, now, moment=moment)
    return moment


def withdraw(connection: Connection, activation_id: UUID, *, by: str, now: datetime) -> None:
    """Let a proposal never be in force, confirmed or not.

    Args:
        connection: in a transaction that may write.
        activation_id: the proposal.
        by: who does so, as the audit log names them.
        now: the moment, aware.

    Raises:
        NotFound: there is no such proposal.
        Conflict: it is in force or about to be, or was withdrawn before.
    """
    write_alone(connection, activation)
    made = activations.by_id(connection, activation_id)
    if made.withdrawn_at is not None:
        raise Conflict("this proposal has been withdrawn already")
    # Every process has to learn of it before the moment, or one of them would take up what is withdrawn.
    if made.in_force_from is not None and now > made.in_force_from - NOTICE:
        raise Conflict("this rulebook is in force, or about to be: propose another instead")
    activations.change(connection, made.id, withdrawn_by=by, withdrawn_at=now)
    _audit(connection, made, "rulebook-withdraw", by, now)


def carry_out(
    engine: Engine, rules: Rules, now: datetime, progress: Callable[[int, int], None] | None = None
) -> int:
    """Judge whoever was not yet judged by a rulebook that has come into force; how many records.

    It may be stopped at any time: what is done is not done twice.

    Args:
        engine: the database.
        rules: what records are judged by now.
        now: the moment, aware.
        progress: called after each chunk with the numbers judged and failed so far; stops it by raising.

    Raises:
        RulebookChanged: yet another has come into force.
    """
    with reading(engine) as connection:
        made = activations.latest_in_force(connection, now)
    if made is None or made.in_force_from is None or made.digest != rules.rulebook.digest:
        return 0
    if made.begun_at is None:
        # Before anybody is judged anew: a process whose clock lags could undo it.
        with writing(engine) as connection:
            activations.change(connection, made.id, begun_at=now)
    if made.rejudged_at is not None:
        with reading(engine) as connection:
            if now >= made.in_force_from + LATE or not outdated(connection, rules):
                return 0
    began = time.monotonic()
    judged, failed = rejudge(engine, rules, now, progress=progress)
    ended = now + timedelta(seconds=time.monotonic() - began)
    with writing(engine) as connection:
        if made.rejudged_at is None and not outdated(connection, rules):
            activations.change(connection, made.id, rejudged_at=ended)
            _audit(connection, made, "rulebook-rejudged", _ITSELF, ended, failed=failed)
    return judged


def _decides(connection: Connection, account: str) -> bool:
    found = users.find(connection, account)
    return found is not None and found.active and not found.roles.isdisjoint(DECIDERS)


def _check_decides(connection: Connection, account: str) -> None:
    if not _decides(connection, account):
        raise Forbidden(f"only people with the role {' or '.join(DECIDERS)} put a rulebook in force")


def _check_differs(rules: Rules, digest: str) -> None:
    if digest == rules.rulebook.digest:
        raise Conflict("this is the rulebook in force already")


def _check_two_people(connection: Connection, proposer: str, account: str, proposed_at: datetime) -> None:
    if account == proposer:
        raise Conflict("you proposed it: somebody else has to confirm")
    if account in managed_by(connection, proposer) or proposer in managed_by(connection, account):
        raise Conflict("one of you has managed the account of the other: somebody else has to confirm")
    if was_managed(connection, account, proposed_at):
        raise Conflict("your account was changed since this was proposed: somebody else has to confirm")


def _audit(
    connection: Connection,
    made: Activation,
    action: str,
    by: str,
    now: datetime,
    *,
    moment: datetime | None = None,
    **more: Any,
) -> None:
    detail: dict[str, Any] = {"activation": str(made.id), "rulebook": made.digest, **more}
    if moment is not None:
        detail["from"] = moment.isoformat()
    decisions.write_audit(connection, at=now, actor=by, action=action, detail=detail)
