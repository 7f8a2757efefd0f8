"""`liverwatch user`: accounts for the pages, made and changed at the command line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from service import passwords
from service.cli import serve
from service.settings import Settings
from service.store import sessions, users
from service.store.session import reading, writing
from tests.commands import Run, audited


@pytest.fixture
def sourced(run: Run) -> Run:
    assert run("source", "add", "clinic").code == 0
    return run


def test_a_person_is_added_with_a_password_for_one_time(sourced: Run, engine: Engine) -> None:
    added = sourced("user", "add", "adams", "--role", "nurse", "--shown", "Ann Adams", "--source", "clinic")
    password = added.out.strip()
    assert "not shown again" in added.err
    with reading(engine) as connection:
        account = users.by_id(connection, "adams")
    assert passwords.matches(account.password, password)
    assert account.one_time
    assert sourced("user", "list", "--json").json == [
        {
            "name": "adams",
            "shown": "Ann Adams",
            "active": True,
            "roles": ["nurse"],
            "sources": ["clinic"],
            "issuer": None,
            "one_time_password": True,
        }
    ]
    assert "Ann Adams" in sourced("user", "list").out
    assert audited(engine)[-1] == "user-add"


def test_a_password_can_come_from_a_file_and_is_not_shown(run: Run, engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("seven grey herons at dusk\n", encoding="utf-8")
    added = run("user", "add", "adams", "--role", "nurse", "--password-file", file)
    assert "herons" not in added.out + added.err
    with reading(engine) as connection:
        account = users.by_id(connection, "adams")
    assert passwords.matches(account.password, "seven grey herons at dusk")
    assert not account.one_time
    file.write_text("too short", encoding="utf-8")
    refused = run("user", "add", "bell", "--role", "nurse", "--password-file", file)
    assert (refused.code, "characters" in refused.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("Adams", "--role", "nurse"), "user name: use"),
        (("adams", "--role", "surgeon"), "role: one of nurse, physician, auditor, engineer, admin"),
        (("adams", "--role", "nurse", "--source", "nowhere"), "no source 'nowhere'"),
        (("adams", "--role", "nurse", "--shown", "\t"), "printable"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(run: Run, arguments: tuple[str, ...], words: str) -> None:
    refused = run("user", "add", *arguments)
    assert refused.code == 1
    assert words in refused.err
    assert run("user", "list", "--json").json == []


def test_a_change_says_what_changed_and_signs_out(sourced: Run, engine: Engine) -> None:
    sourced("user", "add", "adams", "--role", "nurse")
    with writing(engine) as connection:
        token = sessions.begin(connection, "adams", datetime.now(UTC))
    unchanged = sourced("user", "set", "adams", "--shown", "Ann Adams")
    assert unchanged.out == "changed: shown\n"
    with reading(engine) as connection:
        assert sessions.find(connection, token) is not None
    changed = sourced("user", "set", "adams", "--role", "auditor", "--role", "nurse", "--source", "*")
    assert changed.out == "changed: roles, sources\n"
    with reading(engine) as connection:
        assert sessions.find(connection, token) is None
    assert sourced("user", "set", "adams", "--source", "").out == "changed: sources\n"
    assert sourced("user", "set", "nobody", "--role", "nurse").code == 1
    assert audited(engine)[-4:] == ["user-add", "user-set", "user-set", "user-set"]


def test_a_new_password_and_a_removal_end_every_session(run: Run, engine: Engine) -> None:
    run("user", "add", "adams", "--role", "nurse")
    for command in (("password", "adams"), ("remove", "adams")):
        with writing(engine) as connection:
            token = sessions.begin(connection, "adams", datetime.now(UTC))
        assert run("user", *command).code == 0
        with reading(engine) as connection:
            assert sessions.find(connection, token) is None
    assert run("user", "password", "adams").code == 1
    assert run("user", "list", "--json").json[0]["active"] is False
    assert audited(engine) == ["user-add", "user-password", "user-remove"]


def test_a_name_is_taken_once_and_can_be_taken_up_again(run: Run) -> None:
    run("user", "add", "adams", "--role", "nurse")
    twice = run("user", "add", "adams", "--role", "admin")
    assert (twice.code, "already a user" in twice.err) == (1, True)
    run("user", "remove", "adams")
    assert run("user", "add", "adams", "--role", "auditor").code == 0
    assert run("user", "list", "--json").json[0]["roles"] == ["auditor"]


class _Terminal:
    """Standard error, where somebody is looking."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""


def test_the_last_admin_is_not_removed_at_a_shell_either(run: Run) -> None:
    run("user", "add", "chief", "--role", "admin")
    for command in (("remove", "chief"), ("set", "chief", "--role", "nurse")):
        ran = run("user", *command)
        assert (ran.code, "nobody would be left to manage accounts" in ran.err) == (1, True)
    run("user", "add", "deputy", "--role", "admin")
    assert run("user", "remove", "chief").code == 0


def test_the_first_start_at_a_terminal_makes_an_administrator_and_shows_the_password_once(
    database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(database_url=database_url)
    terminal = _Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    serve._first_account(settings)
    (password,) = [line.strip() for line in terminal.text.splitlines() if line.startswith("    ")]
    with reading(engine) as connection:
        account = users.by_id(connection, users.FIRST)
    assert passwords.matches(account.password, password)
    assert account.one_time
    shown = terminal.text
    serve._first_account(settings)
    assert terminal.text == shown
    assert audited(engine) == ["user-add"]


def test_no_password_is_shown_where_standard_error_is_a_log(
    database_url: str, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    serve._first_account(Settings(database_url=database_url))
    assert capsys.readouterr() == ("", "")
    with reading(engine) as connection:
        assert users.every(connection) == []
