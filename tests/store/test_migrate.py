"""Migrations: up and down on both databases, one process at a time, never backwards over a newer release."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Engine, inspect, text

from service.alerts.alert import Action, State
from service.clinical.episodes import Family
from service.store.migrate import current, head, migrate
from service.store.schema import metadata
from service.store.session import open_engine, reading, writing


@pytest.fixture
def blank(blank_database_url: str) -> Iterator[Engine]:
    engine = open_engine(blank_database_url, durable=False)
    yield engine
    engine.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def revision(engine: Engine) -> str | None:
    with reading(engine) as connection:
        return current(connection)


def test_an_empty_database_gets_every_table(blank: Engine) -> None:
    migrate(blank)
    assert tables(blank) == set(metadata.tables)
    assert revision(blank) == head()


def test_migrating_again_does_nothing(blank: Engine) -> None:
    migrate(blank)
    with writing(blank) as connection:
        connection.execute(text("INSERT INTO stored_text VALUES ('d', 't', '2026-01-01 00:00:00+00:00')"))
    migrate(blank)
    with reading(blank) as connection:
        assert connection.execute(text("SELECT count(*) FROM stored_text")).scalar_one() == 1


def test_migrations_go_down_and_up_again(blank: Engine) -> None:
    migrate(blank)
    migrate(blank, "base")
    assert tables(blank) == set()
    assert revision(blank) is None
    migrate(blank)
    assert tables(blank) == set(metadata.tables)


def test_the_migrated_tables_are_those_the_code_describes(blank: Engine) -> None:
    migrate(blank)
    with reading(blank) as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_every_check_and_index_that_the_code_describes_is_there(blank: Engine) -> None:
    migrate(blank)
    found = inspect(blank)
    for table in metadata.tables.values():
        checks = {each["name"] for each in found.get_check_constraints(table.name)}
        wanted = {each.name for each in table.constraints if isinstance(each, CheckConstraint)}
        assert {str(each) for each in wanted} <= {str(each) for each in checks}, table.name
        indexes = {each["name"] for each in found.get_indexes(table.name)}
        assert {each.name for each in table.indexes} <= indexes, table.name


@pytest.mark.parametrize(
    ("table", "column", "names"),
    [
        ("alert", "family", Family),
        ("alert", "state", State),
        ("disposition", "action", Action),
    ],
)
def test_the_database_takes_exactly_the_names_of_the_enum(
    engine: Engine, table: str, column: str, names: type[StrEnum]
) -> None:
    found = {each["name"]: each["sqltext"] for each in inspect(engine).get_check_constraints(table)}
    listed = set(re.findall(r"'([^']*)'", found[f"ck_{table}_{column}"]))
    assert listed == {each.value for each in names}


def test_a_database_of_a_newer_release_is_refused_untouched(blank: Engine) -> None:
    migrate(blank)
    with writing(blank) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RuntimeError, match="newer release"):
        migrate(blank)
    assert revision(blank) == "9999"
    assert tables(blank) == set(metadata.tables)


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    blank: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = command.upgrade

    def upgrade_and_fail(*args: Any) -> None:
        upgrade(*args)
        raise OSError("power cut")

    monkeypatch.setattr(command, "upgrade", upgrade_and_fail)
    with pytest.raises(OSError, match="power cut"):
        migrate(blank)
    assert tables(blank) == set()
    monkeypatch.undo()
    migrate(blank)
    assert revision(blank) == head()


def test_a_second_migration_waits_for_the_first(blank: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, may_end = threading.Event(), threading.Event()
    upgrade = command.upgrade
    order: list[str] = []

    def slowly(*args: Any) -> None:
        inside.set()
        assert may_end.wait(20)
        upgrade(*args)

    def run(name: str) -> None:
        engine = open_engine(blank.url.render_as_string(hide_password=False), durable=False)
        try:
            migrate(engine)
            order.append(name)
        finally:
            engine.dispose()

    monkeypatch.setattr(command, "upgrade", slowly)
    first = threading.Thread(target=run, args=("first",))
    first.start()
    assert inside.wait(20)
    monkeypatch.setattr(command, "upgrade", upgrade)
    second = threading.Thread(target=run, args=("second",))
    second.start()
    time.sleep(0.3)
    assert second.is_alive()
    assert order == []
    may_end.set()
    first.join(30)
    second.join(30)
    assert order == ["first", "second"]
    assert revision(blank) == head()


@pytest.mark.slow
def test_processes_that_start_at_once_migrate_once(blank_database_url: str) -> None:
    program = (
        "import sys\n"
        "from service.store.migrate import migrate\n"
        "from service.store.session import open_engine\n"
        "migrate(open_engine(sys.argv[1], durable=False))\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, blank_database_url], stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    answers = [each.communicate(timeout=60)[1] for each in started]
    assert [each.returncode for each in started] == [0, 0, 0], answers
    engine = open_engine(blank_database_url, durable=False)
    try:
        assert revision(engine) == head()
        assert tables(engine) == set(metadata.tables)
    finally:
        engine.dispose()
