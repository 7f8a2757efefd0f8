"""On PostgreSQL the service runs as a role that can only add to the audit log."""

import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import URL, Engine, make_url, select, text
from sqlalchemy.exc import ProgrammingError
from starlette.testclient import TestClient

from service import passwords
from service.app import create_app
from service.errors import ConfigurationError
from service.quality import Sealer, verify
from service.retention import Retention, erase_expired
from service.settings import Settings
from service.store import privileges, sources, users
from service.store.decisions import write_audit
from service.store.expiry import Standing
from service.store.migrate import migrate
from service.store.schema import audit, metadata
from service.store.session import open_engine, reading, writing
from service.store.source_settings import SourceSettings
from service.store.users import Account, Role
from tests.commands import runner
from tests.dashboard.front_desk import COOKIE, PASSWORD, PUBLIC_URL
from tests.dashboard.reading_pages import Page
from tests.feed.sending import BEARER, FEED, SECRET, observation
from tests.ingest.feeding import Feed, patient, persistent
from tests.postgres import Postgres

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def owner(postgres_url: str) -> Iterator[Engine]:
    engine = open_engine(postgres_url, durable=False)
    yield engine
    engine.dispose()


@pytest.fixture
def role(postgres: Postgres, owner: Engine) -> Iterator[str]:
    """A role that may log in, and nothing else yet."""
    name = f"lw {secrets.token_hex(6)}"
    postgres._administer(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{name}'")
    yield name
    with owner.begin() as connection:
        connection.execute(text(f'DROP OWNED BY "{name}"'))
    postgres._administer(f'DROP ROLE "{name}"')


@pytest.fixture
def service(owner: Engine, role: str) -> Iterator[Engine]:
    """What the service opens as that role, once it has been granted what it needs."""
    with writing(owner) as connection:
        privileges.grant(connection, role)
    engine = open_engine(text_of(owner.url.set(username=role, password=role)), durable=False)
    yield engine
    engine.dispose()


def text_of(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def test_the_whole_road_is_travelled_by_a_role_that_owns_nothing(
    service: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    migrate(service)  # as every start does
    with writing(service) as connection:
        sources.add(connection, "hospital", SourceSettings(), SECRET, NOW)
        kept = passwords.digest(PASSWORD)
        roles, sees = frozenset({Role.NURSE}), frozenset({"hospital"})
        users.add(connection, Account("adams", "Adams", roles, sees, kept, False, None, active=True), NOW)
    settings = Settings(settle_seconds=0, sweep_seconds=3600, public_url=PUBLIC_URL)
    client = TestClient(
        create_app(settings, service),
        base_url=PUBLIC_URL,
        follow_redirects=False,
        headers={"origin": PUBLIC_URL},
    )
    with client:
        now = datetime.now(UTC).isoformat()
        severe = observation(value=1284, effectiveDateTime=now)
        assert client.post(FEED, json=severe, headers=BEARER).status_code == 200
        assert client.post("/sign-in", data={"name": "adams", "password": PASSWORD}).status_code == 303
        assert COOKIE in client.cookies
        worklist = Page(client.get("/", headers={"accept": "text/html"}).text)
        fields = [each for _, each, _ in worklist.every("input") if "name" in each]
        sent = {str(each["name"]): each.get("value") for each in fields}
        addresses = {str(each.get("action")) for _, each, _ in worklist.every("form")}
        (address,) = [each for each in addresses if re.fullmatch(r"/alerts/[^/]+/decide", each)]
        taken = client.post(address, data={**sent, "action": "take", "back": "/"})
        assert taken.status_code == 303, taken.text
    Sealer(service, lambda *_: None).seal()
    with reading(service) as connection:
        done = set(connection.execute(select(audit.c.action)).scalars())
        verdict = verify(connection)
    assert {"sign-in", "read-worklist", "dispose-take"} <= done
    assert (verdict.problem, verdict.unchained) == (None, 0)
    assert verdict.head.position >= len(done)


def test_a_role_that_owns_nothing_erases_what_has_expired(service: Engine) -> None:
    feed = Feed(service)
    feed.send(patient("p1"), *persistent("p1"))
    feed.now = NOW + timedelta(days=4 * 365)
    feed.sweep()
    late = NOW + timedelta(days=12 * 365)
    assert erase_expired(service, Retention(years=10), late, by="test").records == {Standing.DUE: 1}


@pytest.mark.parametrize("table", sorted(privileges.APPEND_ONLY))
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET {column} = {column}",
        "DELETE FROM {table}",
        "TRUNCATE {table}",
        "DROP TABLE {table}",
        "DROP TRIGGER {table}_refuses_change ON {table}",
        "ALTER TABLE {table} DISABLE TRIGGER ALL",
        "ALTER TABLE {table} RENAME TO another",
        "ALTER TABLE {table} OWNER TO CURRENT_USER",
        "CREATE TRIGGER mine BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        "CREATE RULE mine AS ON INSERT TO {table} DO INSTEAD NOTHING",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
        "SET session_replication_role = replica",
        "GRANT ALL ON {table} TO CURRENT_USER",
        "CREATE TABLE beside (id int)",
    ],
)
def test_nothing_that_would_change_the_audit_log_is_let_through(
    service: Engine, table: str, statement: str
) -> None:
    column = metadata.tables[table].primary_key.columns[0].name
    filled = statement.format(table=table, column=column)
    if filled.startswith("GRANT"):
        # PostgreSQL only warns whoever grants what they may not; what counts is that nothing came of it.
        with service.connect() as connection:
            connection.execute(text(filled))
            held = text("SELECT has_table_privilege(:table, 'DELETE')")
            assert connection.execute(held, {"table": table}).scalar_one() is False
        return
    with pytest.raises(ProgrammingError) as refused, writing(service) as connection:
        connection.execute(text(filled))
    assert getattr(refused.value.orig, "sqlstate", "") == "42501"


def test_it_may_still_add_to_the_audit_log_and_read_it(service: Engine) -> None:
    with writing(service) as connection:
        write_audit(connection, at=NOW, actor="user:adams", action="sign-in")
    with reading(service) as connection:
        assert connection.execute(select(audit.c.actor)).scalars().all() == ["user:adams"]


def test_a_grant_takes_back_what_was_granted_before(owner: Engine, service: Engine, role: str) -> None:
    with writing(owner) as connection:
        connection.execute(text(f'GRANT ALL ON ALL TABLES IN SCHEMA public TO "{role}"'))
        privileges.grant(connection, role)
    with pytest.raises(ProgrammingError), writing(service) as connection:
        connection.execute(text("UPDATE audit SET actor = actor"))


def test_a_role_cannot_grant_itself_anything(service: Engine, role: str) -> None:
    with pytest.raises(ConfigurationError, match="who owns the tables"), writing(service) as connection:
        privileges.grant(connection, role)


def test_a_role_that_nothing_can_be_kept_from_is_refused(
    postgres: Postgres, owner: Engine, role: str
) -> None:
    with writing(owner) as connection:
        for name in (owner.url.username or "postgres", "no such role"):
            with pytest.raises(ConfigurationError):
                privileges.grant(connection, name)
    postgres._administer(f'ALTER DATABASE "{owner.url.database}" OWNER TO "{role}"')
    try:
        with pytest.raises(ConfigurationError, match="owns"), writing(owner) as connection:
            privileges.grant(connection, role)
    finally:
        postgres._administer(f'ALTER DATABASE "{owner.url.database}" OWNER TO CURRENT_USER')


def test_tables_of_another_release_are_left_to_their_owner(owner: Engine, service: Engine) -> None:
    migrate(owner, "0001")
    with pytest.raises(RuntimeError, match="as their owner"):
        migrate(service)


def test_the_command_grants_and_says_so_and_sqlite_has_no_roles(
    owner: Engine,
    role: str,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = runner(capsys)
    monkeypatch.setenv("LIVERWATCH_DATABASE_URL", text_of(owner.url))
    assert run("database", "grant-role", role).code == 0
    with reading(owner) as connection:
        assert connection.execute(select(audit.c.action)).scalars().all() == ["database-grant-role"]
    monkeypatch.setenv("LIVERWATCH_DATABASE_URL", text_of(make_url(sqlite_url)))
    refused = run("database", "grant-role", role)
    assert (refused.code, "SQLite has none" in refused.err) == (1, True)
