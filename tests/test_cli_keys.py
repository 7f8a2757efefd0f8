"""`liverwatch keys`, and the settings of a source that tell its EHR who we are."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from service.store import sources
from service.store.session import reading
from tests.commands import Run, audited


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys"
    monkeypatch.setenv("LIVERWATCH_KEYS_DIRECTORY", str(path))
    return path


def test_keys_are_made_listed_and_retired_and_each_is_audited(
    run: Run, engine: Engine, directory: Path
) -> None:
    made = run("keys", "new")
    assert "/.well-known/jwks.json" in made.err
    first = made.out.strip()
    second = run("keys", "new", "--json").json["id"]
    assert [each["id"] for each in run("keys", "list", "--json").json] == [first, second]
    assert run("keys", "new").code == 1
    run("keys", "new", "--algorithm", "RS384")
    assert first in run("keys", "list").out
    assert run("keys", "retire", "--", first).code == 0
    assert first not in run("keys", "list").out
    assert run("keys", "retire", "--", first).code == 1
    assert audited(engine) == ["key-new", "key-new", "key-new", "key-retire"]
    assert len(list(directory.iterdir())) == 2


def test_without_a_directory_it_says_which_setting_is_missing(run: Run) -> None:
    for command in (("new",), ("list",), ("retire", "x")):
        ran = run("keys", *command)
        assert (ran.code, ran.err.startswith("liverwatch: LIVERWATCH_KEYS_DIRECTORY")) == (1, True)


def test_a_source_is_told_how_its_ehr_knows_us(run: Run, engine: Engine) -> None:
    run("source", "add", "ward", "--fhir-base-url", "https://ehr.test/fhir")
    given = (
        *("--auth", "smart-backend", "--client-id", "liverwatch", "--key-id", "k1"),
        *("--token-endpoint", "https://login.test/token", "--scopes", "system/*.read"),
    )
    assert run("source", "set", "ward", *given).out == (
        "changed: auth, token_endpoint, client_id, key_id, scopes\n"
    )
    with reading(engine) as connection:
        settings = sources.by_name(connection, "ward").settings
    assert (settings.authentication, settings.client_id, settings.key_id, settings.scopes) == (
        "smart-backend",
        "liverwatch",
        "k1",
        "system/*.read",
    )


@pytest.mark.parametrize(
    "given",
    [
        ("--auth", "token"),
        ("--auth", "smart-backend"),
        ("--auth", "client-secret", "--client-id", "x"),
        ("--token-endpoint", "http://login.test/token"),
        ("--token-endpoint", "https://me@login.test/token"),
        ("--token-endpoint", "login.test"),
    ],
)
def test_a_way_of_being_known_that_cannot_work_is_refused(run: Run, given: tuple[str, ...]) -> None:
    assert run("source", "add", "ward", *given).code == 1


def test_a_token_endpoint_on_this_machine_needs_no_https(run: Run) -> None:
    assert run("source", "add", "ward", "--token-endpoint", "http://127.0.0.1:9000/token").code == 0
