"""`liverwatch rulebook shadow` and `withdraw`: a candidate beside the rulebook in force, from a shell."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from service import activating
from service.clinical.rulebook import load_rulebook
from service.ingest import Rules
from service.store import activations, users
from service.store.activations import Activation
from service.store.schema import stored_text
from service.store.session import writing
from service.store.users import Account, Role
from tests.commands import Run, audited
from tests.liver_files import persistent, person, write_lines
from tests.trying_rulebooks import SITE, load_two_people, site_rulebook


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return site_rulebook(tmp_path)


@pytest.fixture(autouse=True)
def loaded(run: Run, tmp_path: Path) -> None:
    load_two_people(run, tmp_path)


def proposed(engine: Engine, site: Path) -> Activation:
    """By somebody at the page: no command does so."""
    made = Account(
        "adams", "Adams", frozenset({Role.PHYSICIAN}), frozenset(), "kept", False, None, active=True
    )
    now = datetime.now(UTC)
    with writing(engine) as connection:
        users.add(connection, made, now)
        rules = Rules(load_rulebook())
        return activating.propose(
            connection, rules, load_rulebook(site), account="adams", wanted_from=None, now=now
        )


def in_force(engine: Engine, made: Activation) -> None:
    now = datetime.now(UTC)
    with writing(engine) as connection:
        activations.change(connection, made.id, confirmed_by="user:bell", confirmed_at=now, in_force_from=now)


def test_a_sweep_follows_and_what_was_collected_is_told(run: Run, engine: Engine, site: Path) -> None:
    told = run("rulebook", "shadow", site)
    assert (told.code, told.out) == (0, "2026.1-clinic runs in the shadow of 2026.1\n")
    assert run("sweep").code == 0
    lines = [line.split() for line in run("rulebook", "shadow", "--show").out.splitlines()]
    assert ["2026.1-clinic", "instead", "of", "2026.1,", "2", "people"] in lines
    assert ["all", "alerts", "1", "0", "0", "1"] in lines
    found = run("rulebook", "shadow", "--show", "--json").json
    assert found["alerts"] == {"gained": 1, "unchanged": 1}
    assert found["strata"]["source"] == {"clinic": {"gained": 1, "unchanged": 1}}
    assert "read-shadow" in audited(engine)


def test_it_is_ended_and_what_was_collected_stays(run: Run, engine: Engine, site: Path) -> None:
    run("rulebook", "shadow", site)
    run("sweep")
    assert run("rulebook", "shadow", "--end").code == 0
    assert run("rulebook", "shadow", "--end").code == 1
    assert "ended" in run("rulebook", "shadow", "--show").out
    assert [each for each in audited(engine) if each.startswith("shadow")] == ["shadow-begin", "shadow-end"]


def test_what_cannot_be_done_is_refused_by_name(run: Run, site: Path, tmp_path: Path) -> None:
    assert "give a FILE, --show or --end" in run("rulebook", "shadow").err
    assert "give a FILE, --show or --end" in run("rulebook", "shadow", site, "--show").err
    assert run("rulebook", "shadow", "--show").code == 1
    broken = tmp_path / "broken.toml"
    broken.write_text('version = "x"\nparent = "2026.1"\nbands.mild_from = 2\n', encoding="utf-8")
    assert "bands.mild_from" in run("rulebook", "shadow", broken).err
    same = tmp_path / "same.toml"
    same.write_text(load_rulebook().text, encoding="utf-8")
    assert "this is the rulebook in force" in run("rulebook", "shadow", same).err
    assert "no rulebook is proposed" in run("rulebook", "withdraw").err


def test_what_was_proposed_is_withdrawn_by_the_operator(run: Run, engine: Engine, site: Path) -> None:
    proposed(engine, site)
    assert run("rulebook", "withdraw").code == 0
    assert audited(engine)[-1] == "rulebook-withdraw"
    assert run("rulebook", "withdraw").code == 1


def test_only_a_rulebook_in_force_that_cannot_be_read_is_withdrawn_by_the_operator(
    run: Run, engine: Engine, site: Path
) -> None:
    made = proposed(engine, site)
    in_force(engine, made)
    assert "this release can read the rulebook in force" in run("rulebook", "withdraw", "--unreadable").err
    with writing(engine) as connection:
        connection.execute(
            update(stored_text).where(stored_text.c.digest == made.digest).values(text="version = 2")
        )
    assert "liverwatch rulebook withdraw --unreadable" in run("sweep").err
    told = run("rulebook", "withdraw", "--unreadable")
    assert (told.code, told.out) == (0, "withdrawn; the service judges everybody anew once it runs\n")
    assert audited(engine)[-1] == "rulebook-withdraw"
    assert run("rejudge").code == 0
    assert run("rulebook", "show", "--json").json["version"] == "2026.1"


def test_version_names_the_rulebook_in_force_and_the_one_of_the_settings(
    run: Run, engine: Engine, site: Path
) -> None:
    made = proposed(engine, site)
    assert "two people" not in run("version").out
    in_force(engine, made)
    told = run("version").out
    assert f"rulebook 2026.1-clinic ({made.digest[:12]}), put in force by two people; " in told
    assert f"the settings name 2026.1 ({load_rulebook().digest[:12]})" in told
    with writing(engine) as connection:
        connection.execute(
            update(stored_text).where(stored_text.c.digest == made.digest).values(text="version = 2")
        )
    assert f"rulebook that this release cannot read ({made.digest[:12]})" in run("version").out


def test_commands_use_the_rulebook_in_force_whatever_the_settings_name(
    run: Run, engine: Engine, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_force(engine, proposed(engine, site))
    assert run("rulebook", "show", "--json").json["version"] == "2026.1-clinic"
    assert run("sweep").code == 0
    assert len(run("alerts", "--json").json) == 2
    more = [person("p3"), *persistent("p3", value=38)]
    assert run("load", write_lines(tmp_path / "more.ndjson", more), "--source", "clinic").code == 0
    assert len(run("alerts", "--json").json) == 3
    other = tmp_path / "other.toml"
    other.write_text(SITE.replace("2026.1-clinic", "other"), encoding="utf-8")
    monkeypatch.setenv("LIVERWATCH_RULEBOOK", str(other))
    assert run("rulebook", "show", "--json").json["version"] == "2026.1-clinic"
    assert run("sweep").code == 0
    assert run("replay", "--all").code == 0
