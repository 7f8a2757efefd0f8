"""Putting a rulebook in force: proposed by one person, confirmed by another, from a moment on.

Who they may be is said in `two_people`. The operator of the machine can be neither, for a shell does not tell
who sits at it; but they may withdraw, by which nobody is judged otherwise, and what this release cannot read,
for else it could never start.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine

from service.clinical.rulebook import Rulebook
from service.errors import Conflict, Damaged, InvalidDecision, NotFound
from service.fhir.encode_audit import THE_SERVICE
from service.ingest import Rules, outdated, rejudge
from service.ingest.in_force import NOTICE
from service.settings import code_version
from service.store import activations, decisions
from service.store.activations import Activation, State
from service.store.rulebooks import stored_rulebook
from service.store.schema import activation
from service.store.session import reading, write_alone, writing
from service.store.users import ACTOR
from service.two_people import check_decides, check_settled, check_two_people, decides

LATE: Final = timedelta(hours=1)
"""For so long after the moment it is looked whether somebody new was still judged by the older rulebook.

What was under way when the moment came ends by the one that it began with. Whoever was known is judged anew
after that, for their records are locked; but of somebody new nobody knows before it is committed.
"""


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
        Conflict: it is the one in force, there is a proposal already, or the account was managed lately.
        Forbidden: the account may not.
        InvalidDecision: the moment has passed.
    """
    write_alone(connection, activation)
    check_decides(connection, account)
    check_settled(connection, account, now)
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
    connection: Connection, rules: Rules, activation_id: UUID, *, shown: str, account: str, now: datetime
) -> datetime:
    """Confirm what somebody else proposed; the moment from which it is in force.

    That is not before every process can have learnt of it.

    Args:
        connection: in a transaction that may write.
        rules: what records are judged by now.
        activation_id: the proposal.
        shown: the digest of the candidate whose effects whoever confirms was shown.
        account: id of who confirms it.
        now: the moment, aware.

    Raises:
        NotFound: there is no such proposal.
        Conflict: it is not to be confirmed any more, or not by this person; who proposed it may not any more;
            another candidate was shown; this release cannot read it.
        Forbidden: the account may not.
    """
    write_alone(connection, activation)
    made = activations.by_id(connection, activation_id)
    if made.state(now) is not State.PROPOSED:
        raise Conflict("this proposal has been confirmed or withdrawn already")
    if shown != made.digest:
        raise Conflict("you were shown another candidate than is proposed: withdraw the proposal")
    if not _readable(connection, made.digest):
        raise Conflict("this release cannot read what is proposed: withdraw it and propose it anew")
    _check_differs(rules, made.digest)
    proposer = made.proposed_by.removeprefix(ACTOR)
    check_decides(connection, account)
    if not decides(connection, proposer):
        raise Conflict("who proposed it may not put a rulebook in force any more: withdraw it")
    check_two_people(connection, proposer, account, made.proposed_at)
    moment = max(made.wanted_from or now, now + NOTICE)
    by, before = f"{ACTOR}{account}", rules.rulebook
    decisions.keep_texts(connection, {before.digest: before.text}, now)
    activations.change(
        connection,
        made.id,
        confirmed_by=by,
        confirmed_at=now,
        in_force_from=moment,
        replaces=before.digest,
    )
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
    about_to_be = made.in_force_from is not None and now > made.in_force_from - NOTICE
    if about_to_be or made.begun_at is not None:
        raise Conflict("this rulebook is in force, or about to be: propose another instead")
    activations.change(connection, made.id, withdrawn_by=by, withdrawn_at=now)
    _audit(connection, made, "rulebook-withdraw", by, now)


def withdraw_unreadable(connection: Connection, *, by: str, now: datetime) -> None:
    """Let what two people put in force count no more where this release cannot read it.

    What was in force before counts again: else a service of this release could never start. Once it runs, it
    judges everybody anew (`carry_out`).

    Args:
        connection: in a transaction that may write.
        by: who does so, as the audit log names them.
        now: the moment, aware.

    Raises:
        NotFound: nobody has put a rulebook in force.
        Conflict: this release can read it.
    """
    write_alone(connection, activation)
    made = activations.latest_in_force(connection, now)
    if made is None:
        raise NotFound("two people have put no rulebook in force: the one of the settings counts")
    if _readable(connection, made.digest):
        raise Conflict("this release can read the rulebook in force: two people put another there on /shadow")
    activations.change(connection, made.id, withdrawn_by=by, withdrawn_at=now, rejudged_at=None)
    _audit(connection, made, "rulebook-withdraw", by, now, unreadable_by=code_version())


def carry_out(
    engine: Engine, rules: Rules, now: datetime, progress: Callable[[int, int], None] | None = None
) -> int:
    """Judge whoever was not yet judged by a rulebook that has come into force; how many records.

    Or by the one that counts again, where what was in force has been withdrawn. It may be stopped at any
    time: what is done is not done twice.

    Args:
        engine: the database.
        rules: what records are judged by now.
        now: the moment, aware.
        progress: called after each chunk with the numbers judged and failed so far; stops it by raising.

    Raises:
        RulebookChanged: yet another has come into force.
    """
    with reading(engine) as connection:
        made = activations.latest_change(connection, now)
        if (
            made is None
            or not _leads_to(connection, made, rules, now)
            or _is_done(connection, made, rules, now)
        ):
            return 0
    if made.begun_at is None and made.withdrawn_at is None and not _begin(engine, made, now):
        return 0
    began = time.monotonic()
    judged, failed = rejudge(engine, rules, now, progress=progress)
    _end(engine, made, rules, now + timedelta(seconds=time.monotonic() - began), failed)
    return judged


def _leads_to(connection: Connection, made: Activation, rules: Rules, now: datetime) -> bool:
    """Whether by that change these rules count: this process may not have learnt of it yet."""
    if activations.in_force(connection, now) not in (None, rules.rulebook.digest):
        return False
    return (made.digest == rules.rulebook.digest) is (made.withdrawn_at is None)


def _is_done(connection: Connection, made: Activation, rules: Rules, now: datetime) -> bool:
    if made.rejudged_at is None:
        return False
    if made.withdrawn_at is not None:
        # What counts again is what each process's settings say: were they to differ, there would be no end.
        return True
    assert made.in_force_from is not None
    return now >= made.in_force_from + LATE or not outdated(connection, rules)


def _begin(engine: Engine, made: Activation, now: datetime) -> bool:
    """Let it be in force by anybody's clock; whether it still is to be.

    Before anybody is judged anew: a process whose clock lags could undo it.
    """
    with writing(engine) as connection:
        write_alone(connection, activation)
        if activations.by_id(connection, made.id).withdrawn_at is not None:
            return False
        activations.change(connection, made.id, begun_at=now)
    return True


def _end(engine: Engine, made: Activation, rules: Rules, now: datetime, failed: int) -> None:
    """Write down that everybody has been judged, if that is so."""
    if made.rejudged_at is not None:
        return
    with writing(engine) as connection:
        write_alone(connection, activation)
        same = activations.by_id(connection, made.id).withdrawn_at == made.withdrawn_at
        if same and not outdated(connection, rules):
            activations.change(connection, made.id, rejudged_at=now)
            by_which = rules.rulebook.digest
            _audit(connection, made, "rulebook-rejudged", THE_SERVICE, now, failed=failed, rulebook=by_which)


def _check_differs(rules: Rules, digest: str) -> None:
    if digest == rules.rulebook.digest:
        raise Conflict("this is the rulebook in force already")


def _readable(connection: Connection, digest: str) -> bool:
    try:
        stored_rulebook(connection, digest)
    except Damaged:
        return False
    return True


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
