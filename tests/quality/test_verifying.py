"""Whatever is done to a sealed audit log is found, and the first record concerned is named."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from service.errors import ConfigurationError
from service.quality import anchor_of, read_anchors, verify
from service.quality.anchoring import NotAnchored
from service.store.audit_chain import BEGINNING, Head
from service.store.session import open_engine, reading, writing
from tests.commands import Run
from tests.quality.conftest import START, Log

RECORDS = 30


def without_triggers(connection: Connection) -> None:
    """As the owner of the database can; rolled back with everything else."""
    if connection.dialect.name == "postgresql":
        for table in ("audit", "audit_seal"):
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        return
    for table in ("audit", "audit_seal"):
        for event in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER {table}_refuses_{event}"))


def test_a_log_that_nobody_touched_is_sound(sealed: Callable[[int], Log]) -> None:
    log = sealed(RECORDS)
    log.sealer.anchor()
    with reading(log.engine) as connection:
        found = verify(connection, log.anchored)
    assert found.problem is None
    assert (found.head.position, found.unchained) == (RECORDS, 0)


def test_an_empty_log_is_sound(engine: Engine) -> None:
    with reading(engine) as connection:
        found = verify(connection)
    assert (found.head, found.problem) == (Head(0, BEGINNING), None)


def test_records_that_are_not_sealed_yet_are_counted(sealed: Callable[[int], Log]) -> None:
    log = sealed(2)
    log.write(3)
    with reading(log.engine) as connection:
        found = verify(connection)
    assert (found.problem, found.unchained) == (None, 3)
    assert found.unchained_since is not None
    assert found.unchained_since > START


def flip(chance: random.Random, connection: Connection, at: int) -> int:
    """Change one bit of one text of a record."""
    column = chance.choice(["actor", "action", "detail"])
    held = connection.execute(text(f"SELECT {column} FROM audit WHERE id = :at"), {"at": at}).scalar_one()  # noqa: S608 - our own words
    letters = list(held)
    place = chance.randrange(len(letters))
    letters[place] = chr(ord(letters[place]) ^ (1 << chance.randrange(5)))
    query = text(f"UPDATE audit SET {column} = :new WHERE id = :at")  # noqa: S608 - our own words
    connection.execute(query, {"new": "".join(letters), "at": at})
    return at


def change_a_number(chance: random.Random, connection: Connection, at: int) -> int:
    column = chance.choice(["patient_id", "source_id"])
    connection.execute(text(f"UPDATE audit SET {column} = 4711 WHERE id = :at"), {"at": at})  # noqa: S608 - our own words
    return at


def change_a_time(chance: random.Random, connection: Connection, at: int) -> int:
    moved = START.replace(year=2020, second=chance.randrange(60)).isoformat(timespec="microseconds")
    connection.execute(text("UPDATE audit SET at = :moved WHERE id = :at"), {"moved": moved, "at": at})
    return at


def take_out(_chance: random.Random, connection: Connection, at: int) -> int:
    connection.execute(text("DELETE FROM audit WHERE id = :at"), {"at": at})
    return at


def take_out_with_its_link(_chance: random.Random, connection: Connection, at: int) -> int:
    connection.execute(text("DELETE FROM audit WHERE id = :at"), {"at": at})
    connection.execute(text("DELETE FROM audit_seal WHERE audit_id = :at"), {"at": at})
    return at


def swap(chance: random.Random, connection: Connection, at: int) -> int:
    """Two records trade their numbers."""
    other = chance.choice([each for each in range(1, RECORDS + 1) if each != at])
    for before, after in ((at, -1), (other, at), (-1, other)):
        connection.execute(text("UPDATE audit SET id = :new WHERE id = :old"), {"new": after, "old": before})
    return min(at, other)


def change_a_hash(chance: random.Random, connection: Connection, at: int) -> int:
    new = "".join(chance.choice("0123456789abcdef") for _ in range(64))
    connection.execute(text("UPDATE audit_seal SET hash = :new WHERE position = :at"), {"new": new, "at": at})
    return at


def cut_the_tail(_chance: random.Random, connection: Connection, at: int) -> int:
    connection.execute(text("DELETE FROM audit WHERE id >= :at"), {"at": at})
    connection.execute(text("DELETE FROM audit_seal WHERE position >= :at"), {"at": at})
    return at


TAMPERINGS = (
    flip,
    change_a_number,
    change_a_time,
    take_out,
    take_out_with_its_link,
    swap,
    change_a_hash,
    cut_the_tail,
)


@contextmanager
def tampering(engine: Engine) -> Iterator[Connection]:
    """What the owner of the database can do; all of it is undone."""
    with engine.connect() as connection, connection.begin() as transaction:
        without_triggers(connection)
        yield connection
        transaction.rollback()


def test_a_thousand_tamperings_are_all_found_and_the_first_record_concerned_is_named(
    sealed: Callable[[int], Log],
) -> None:
    log = sealed(RECORDS)
    log.sealer.anchor()
    chance = random.Random(20261125)
    missed = []
    for number in range(1000):
        tamper = TAMPERINGS[number % len(TAMPERINGS)]
        at = chance.randrange(1, RECORDS + 1)
        with tampering(log.engine) as connection:
            first = tamper(chance, connection, at)
            problem = verify(connection, log.anchored).problem
            if problem is None or problem.position != first:
                missed.append((tamper.__name__, at, problem))
    assert missed == []


def test_a_chain_that_was_written_anew_from_some_place_on_is_found_by_the_anchor(
    sealed: Callable[[int], Log],
) -> None:
    log = sealed(RECORDS)
    log.sealer.anchor()
    with writing(log.engine) as connection:
        without_triggers(connection)
        connection.execute(text("DELETE FROM audit_seal WHERE position >= 10"))
        connection.execute(text("UPDATE audit SET actor = 'nobody' WHERE id = 10"))
    log.sealer.seal()
    with reading(log.engine) as connection:
        assert verify(connection).problem is None
        problem = verify(connection, log.anchored).problem
    assert problem is not None
    assert (problem.position, "anchored" in problem.what) == (RECORDS, True)


def test_text_that_is_no_text_any_more_is_found_and_stops_nothing(sqlite_url: str) -> None:
    log = Log(open_engine(sqlite_url, durable=False))
    log.write(3)
    log.sealer.seal()
    for spoilt in (
        "at = 'yesterday'",
        "actor = CAST(x'ff00' AS TEXT)",
        "detail = x'80'",
        "source_id = 'one'",
    ):
        with tampering(log.engine) as connection:
            connection.execute(text(f"UPDATE audit SET {spoilt} WHERE id = 2"))  # noqa: S608 - our own words
            problem = verify(connection).problem
            assert problem is not None, spoilt
            assert problem.position == 2


def test_heads_are_kept_in_a_file_and_read_from_it_or_from_a_log(tmp_path: Path) -> None:
    kept = tmp_path / "anchors.jsonl"
    keep = anchor_of(str(kept))
    keep(Head(3, "a" * 64), START)
    keep(Head(5, "b" * 64), START)
    with kept.open("a", encoding="utf-8") as file:
        file.write('{"event": "Started server process", "position": 9}\nno JSON\n')
    assert list(read_anchors(kept)) == [Head(3, "a" * 64), Head(5, "b" * 64)]


def test_a_file_without_a_head_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    with pytest.raises(ConfigurationError, match="holds no head"):
        list(read_anchors(tmp_path / "empty"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        list(read_anchors(tmp_path / "absent"))


def test_an_anchor_that_cannot_be_told_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotAnchored, match="cannot be added to"):
        anchor_of(str(tmp_path / "no" / "such" / "folder"))(Head(1, "a" * 64), START)
    with pytest.raises(NotAnchored, match="did not answer"):
        anchor_of("http://127.0.0.1:9/heads")(Head(1, "a" * 64), START)
    with pytest.raises(ConfigurationError, match="https"):
        anchor_of("http://elsewhere.example/heads")


def test_an_auditor_is_told_in_words_and_by_the_exit_code(
    run: Run, database_url: str, tmp_path: Path
) -> None:
    engine = open_engine(database_url, durable=False)
    log = Log(engine)
    log.write(4)
    log.sealer.seal()
    log.sealer.anchor()
    kept = tmp_path / "anchors"
    anchor_of(str(kept))(log.anchored[0], START)
    sound = run("audit", "verify", "--anchor", kept)
    assert (sound.code, "4 records are sealed and sound" in sound.out) == (0, True)
    with writing(engine) as connection:
        without_triggers(connection)
        connection.execute(text("UPDATE audit SET actor = 'nobody' WHERE id = 3"))
    engine.dispose()
    found = run("audit", "verify", "--json")
    assert found.code == 1
    assert json.loads(found.out)["problem"]["record"] == 3
    assert "record 3, or its link, has been changed" in found.err
