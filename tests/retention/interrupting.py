"""An erasure that falls between any two statements of something else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from service.store import erasing, expiry, patients, session
from service.store.past import past_of
from service.store.session import is_conflict, is_held_up, open_engine, writing


@contextmanager
def impatient(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The same database, by connections that give up at once where somebody else holds a lock."""
    with monkeypatch.context() as patched:
        patched.setattr(session, "BUSY_TIMEOUT_SECONDS", 0)
        patched.setattr(session, "LOCK_TIMEOUT_MILLISECONDS", 10)
        other = open_engine(engine.url.render_as_string(hide_password=False), durable=False)
        with other.connect():  # what is set up at a first connection is
            pass
        yield other
    other.dispose()


def erase(engine: Engine, number: int) -> None:
    """Erase a record with whoever shares its past, whatever stands against it."""
    with writing(engine) as connection:
        past = past_of(connection, [number])
        patients.lock(connection, past.numbers)
        expiry.lock(connection, past)
        erasing.erase(connection, past)


@contextmanager
def erased_before_statement(count: int, engine: Engine, other: Engine, number: int) -> Iterator[list[bool]]:
    """Erase a record through `other` before the count-th statement of what is done on `engine`.

    Yields:
        Whether it was: empty where there were fewer statements, False where a lock was in the way.
    """
    seen, fell = 0, list[bool]()

    def before(*_given: Any) -> None:
        nonlocal seen
        seen += 1
        if seen != count:
            return
        try:
            erase(other, number)
        except Exception as error:
            if not is_held_up(error) and not is_conflict(error):
                raise
            fell.append(False)
        else:
            fell.append(True)

    event.listen(engine, "before_cursor_execute", before)
    try:
        yield fell
    finally:
        event.remove(engine, "before_cursor_execute", before)


def at_every_statement(
    engine: Engine, other: Engine, numbers: Iterator[int], act: Callable[[int], None]
) -> list[bool]:
    """Do something of one record after another, each erased one statement later than the one before.

    Returns:
        Of each whether it was erased meanwhile.
    """
    found: list[bool] = []
    for count, number in enumerate(numbers, 1):
        with erased_before_statement(count, engine, other, number) as fell:
            act(number)
        if not fell:
            return found
        found += fell
    raise AssertionError("there were more statements than records")
