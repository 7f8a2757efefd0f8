"""Which rulebook is in force: the one that two people put in force, else the one that the settings name.

The database has the last word, as with sources, so that no two processes judge by different ones. A process
learns of a moment before it comes and changes over by its own clock; should it not have learnt of it, or its
clock be wrong, then what it judges is refused where that would be written, and sent again by whoever sent it.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from service.clinical.rulebook import Rulebook
from service.errors import Damaged, LiverwatchError, Overloaded
from service.ingest.rules import Rules
from service.store import activations
from service.store.activations import Activation
from service.store.rulebooks import stored_rulebook
from service.store.session import reading

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 2.0
"""How often a process asks what is in force, and what will be."""
NOTICE: Final = timedelta(seconds=10)
"""So long before its moment an activation stands in the database, for every process to have looked."""


class RulebookChanged(Overloaded):
    """Another rulebook has come into force since this one was taken up; nothing was written."""

    def __init__(self) -> None:
        super().__init__(
            "another rulebook has come into force; what was under way was not stored, do it again",
            retry_after=1,
        )


def check_in_force(connection: Connection, rules: Rules, now: datetime) -> None:
    """Refuse to judge by another rulebook than two people have put in force, if they have.

    Raises:
        RulebookChanged: it is another.
    """
    if activations.in_force(connection, now) not in (None, rules.rulebook.digest):
        raise RulebookChanged


def rules_in_force(connection: Connection, rules: Rules, now: datetime, *known: Rules) -> Rules:
    """The rules that count: those of the settings, by the rulebook that two people put in force if any.

    Args:
        connection: an open transaction.
        rules: as the settings say.
        now: the moment, aware.
        known: what came of these rules before, and is not read again.

    Raises:
        Damaged: its text is missing or changed, or this release cannot read it.
    """
    try:
        made = activations.latest_in_force(connection, now)
        return rules if made is None else _with(connection, made, rules, *known)
    except Damaged as error:
        raise Damaged(
            f"the rulebook in force cannot be used: {error.message}; run the release that could, or let it "
            "count no more with `liverwatch rulebook withdraw --unreadable`"
        ) from error


class _Coming(NamedTuple):
    """What will be in force."""

    since: datetime
    rules: Rules


class InForce:
    """What one process judges by."""

    def __init__(
        self, engine: Engine, rules: Rules, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Judge by what is in force now.

        Args:
            engine: the database.
            rules: as the settings say.
            clock: the present (aware).

        Raises:
            Damaged: what is in force is missing or changed, or this release cannot read it.
        """
        self._engine = engine
        self._clock = clock
        self._settings_rules = rules
        self._held: tuple[Rules, _Coming | None] = (rules, None)
        self.look()

    @property
    def rules(self) -> Rules:
        """Those of this moment."""
        held, coming = self._held
        return held if coming is None or self._clock() < coming.since else coming.rules

    def look(self) -> None:
        """Ask the database what is in force, and what will be.

        Raises:
            Damaged: what is in force is missing or changed, or this release cannot read it.
        """
        now = self._clock()
        held, coming = self._held
        known = (held,) if coming is None else (held, coming.rules)
        with reading(self._engine) as connection:
            # From what the settings say each time: what a clock took up too early may have been withdrawn.
            rules = rules_in_force(connection, self._settings_rules, now, *known)
            ahead = activations.pending(connection, now)
            coming = None if ahead is None else self._coming(connection, ahead, known)
        self._held = (rules, coming)

    def _coming(self, connection: Connection, ahead: Activation, known: Sequence[Rules]) -> _Coming | None:
        """What will be in force; None too where it cannot be read, for what is in force counts until then."""
        if ahead.in_force_from is None:
            return None
        try:
            rules = _with(connection, ahead, self._settings_rules, *known)
        except Damaged as error:
            log.error(  # noqa: TRY400
                "nobody will be judged from %s on: %s; see `liverwatch rulebook withdraw --help`",
                ahead.in_force_from.isoformat(),
                error.message,
            )
            return None
        return _Coming(ahead.in_force_from, rules)

    def run(self, stop: threading.Event) -> None:
        """Keep up until `stop` is set. What goes wrong is logged and tried again."""
        while not stop.wait(LOOK_SECONDS):
            try:
                self.look()
            except SQLAlchemyError as error:
                log.warning("which rulebook is in force cannot be asked now: %s", type(error).__name__)
            except LiverwatchError as error:
                log.error("the rulebook in force cannot be taken up: %s", error.message)  # noqa: TRY400
            except Exception:
                log.exception("asking which rulebook is in force failed; it is tried again")


def _with(connection: Connection, made: Activation, rules: Rules, *known: Rules) -> Rules:
    for each in known:
        if (each.rulebook.digest, each.before and each.before.digest) == (made.digest, made.replaces):
            return each
    named = made.digest == rules.rulebook.digest
    rulebook = rules.rulebook if named else stored_rulebook(connection, made.digest)
    return replace(rules, rulebook=rulebook, before=_before(connection, made))


def _before(connection: Connection, made: Activation) -> Rulebook | None:
    """What it replaces; None where this release cannot read that, which keeps nothing from being judged."""
    try:
        return None if made.replaces is None else stored_rulebook(connection, made.replaces)
    except Damaged:
        return None
