import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from service.clinical.rulebook import load_rulebook
from service.settings import code_version
from service.store import decisions, fetches, freshness, gaps, heard, readers, sources, subscriptions
from service.store.schema import alert, audit
from service.store.session import reading, writing
from service.store.source_settings import DEFAULT_SCOPES
from service.store.subscriptions import Kept
from tests.commands import Run, audited
from tests.liver_files import persistent, result, write_lines


@pytest.fixture
def loaded(run: Run, tmp_path: Path) -> Run:
    """The same, with two patients whose ALT has been raised for long."""
    urgent = result("p2-high", "p2", "2024-09-04", 1200)
    path = write_lines(tmp_path / "loaded.ndjson", [*persistent("p1"), *persistent("p2"), urgent])
    assert run("load", path).code == 0
    return run


# ------------------------------------------------------------------------------------- errors and usage


def test_an_error_is_one_line_on_stderr_and_exit_code_1(run: Run) -> None:
    ran = run("dispose", "abc", "take", "--by", "nurse")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "liverwatch: there is no alert of that id; see `liverwatch alerts --all`\n"


@pytest.mark.parametrize(
    "arguments", [["load"], ["load", "/nowhere.ndjson"], ["nonsense"], ["load", "--clock", "sundial", "/"]]
)
def test_wrong_usage_is_exit_code_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).code == 2


def test_a_setting_that_cannot_be_used_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVERWATCH_PORT", "many")
    ran = run("alerts")
    assert ran.code == 1
    assert ran.err.startswith("liverwatch: LIVERWATCH_PORT: ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "url", ["nonsense", "oracle://x", "postgresql+psycopg://nobody@127.0.0.1:9/x", "sqlite:////nowhere/x.db"]
)
def test_a_database_that_cannot_be_opened_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("LIVERWATCH_DATABASE_URL", url)
    ran = run("alerts")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("liverwatch: ")
    assert ran.err.count("\n") == 1


def test_a_database_error_never_shows_what_the_statement_held(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import text

    def failing(connection: Any, **_: object) -> None:
        connection.execute(text("SELECT secret_column FROM nowhere WHERE x = :x"), {"x": "Jane Doe"})

    monkeypatch.setattr(decisions, "write_audit", failing)
    ran = run("alerts")
    assert ran.code == 1
    assert ran.err.startswith("liverwatch: the database failed (")
    assert "Jane" not in ran.err


def test_an_error_of_the_databases_own_driver_never_shows_what_the_statement_held(
    loaded: Run, engine: Engine
) -> None:
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE decision RENAME COLUMN outcome_digest TO elsewhere"))
    ran = loaded("rejudge", "--all")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("liverwatch: the database failed (")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["outbox", "list", "--limit", "9" * 30],
        ["outbox", "retry", "--all", "--limit", "9" * 30],
        ["quarantine", "show", "9" * 30],
        ["quarantine", "replay", "9" * 30],
    ],
)
def test_a_number_beyond_all_that_are_given_is_wrong_usage(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).code == 2


def test_an_argument_that_is_no_text_is_refused_in_one_line(loaded: Run) -> None:
    alert_id = loaded("alerts", "--json").json[0]["id"]
    for arguments in (
        ["outbox", "list", "--source", "\udcff"],
        ["dispose", alert_id, "take", "--by", "\udcff"],
    ):
        ran = loaded(*arguments)
        assert (ran.code, ran.err) == (1, "liverwatch: an argument is not UTF-8 text\n")


def test_help_names_every_command(run: Run) -> None:
    ran = run("--help")
    for command in ("serve", "load", "episodes", "alerts", "dispose", "rejudge", "sweep", "source", "reader"):
        assert command in ran.out


def test_version_names_release_and_rulebook(run: Run) -> None:
    book = load_rulebook()
    told = f"liverwatch {code_version()}, rulebook 2026.1 ({book.digest[:12]})\n"
    assert run("version") == (0, told, "")


@pytest.mark.parametrize("away", ["sqlite:///{folder}/none.db", "postgresql://nobody@127.0.0.1:1/none", "x"])
def test_version_says_where_the_database_cannot_be_asked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, away: str
) -> None:
    monkeypatch.setenv("LIVERWATCH_DATABASE_URL", away.format(folder=tmp_path))
    ran = run("version")
    assert ran.code == 0
    assert ran.out.startswith(f"liverwatch {code_version()}, rulebook 2026.1 (")
    assert ran.out.endswith("of the settings: the database cannot be asked for another\n")
    assert not (tmp_path / "none.db").exists()


def test_version_says_where_the_database_has_no_tables_yet(
    run: Run, blank_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVERWATCH_DATABASE_URL", blank_database_url)
    assert "cannot be asked" in run("version").out


def test_the_database_is_made_by_the_first_command(
    run: Run, blank_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVERWATCH_DATABASE_URL", blank_database_url)
    assert run("alerts", "--json").json == []
    assert run("migrate").out.startswith("the database is at revision ")


# ---------------------------------------------------------------------------------- episodes and alerts


def test_episodes_are_a_list_of_findings(loaded: Run) -> None:
    found = loaded("episodes", "--json").json
    of_p1 = [each for each in found if each["patient"] == "p1"]
    (finding,) = [each for each in of_p1 if each["family"] != "follow-up"]
    assert finding == {
        "patient": "p1",
        "source": "files",
        "family": "transaminase",
        "analyte": "ALT",
        "kind": "persistent",
        "first": "2024-01-10",
        "met": "2024-09-03",
        "last": "2024-09-03",
        "reasons": ["persistent-6-months"],
        "tier": "routine",
        "suppressed": None,
        "alerts_from": "2024-09-03",
        "due": None,
        "onset": "2024-01-10",
        "resolved": None,
        "dormant": False,
        "notes": finding["notes"],
    }
    late = [each for each in of_p1 if each["family"] == "follow-up"]
    assert [(each["kind"], each["first"], each["due"], each["met"], each["resolved"]) for each in late] == [
        ("recheck-overdue", "2024-01-10", "2024-01-24", "2024-02-10", "2024-03-12"),
        ("recheck-overdue", "2024-03-12", "2024-03-26", "2024-04-12", "2024-06-11"),
        ("recheck-overdue", "2024-06-11", "2024-06-25", "2024-07-12", "2024-09-03"),
    ]
    assert {each["kind"] for each in found if each["patient"] == "p2"} == {
        "persistent",
        "worsening",
        "urgent",
        "recheck-overdue",
    }
    assert loaded("episodes", "--json", "--patient", "p1").json == of_p1
    assert loaded("episodes", "--json", "--source", "files").json == found
    assert loaded("episodes", "--source", "elsewhere").code == 1
    assert "persistent-6-months" in loaded("episodes").out


def test_alerts_stand_the_most_urgent_first_with_what_is_behind_them(loaded: Run, engine: Engine) -> None:
    first, second = loaded("alerts", "--json").json
    assert (first["patient"], first["tier"], second["patient"]) == ("p2", "urgent", "p1")
    assert second["source"] == "files"
    assert second["family"] == "transaminase"
    assert second["state"] == "open"
    assert (second["onset"], second["first_met"]) == ("2024-01-10", "2024-09-03")
    assert second["latest"][0]["multiple"] == 2
    assert second["kinds"][0]["reasons"] == ["persistent-6-months"]
    assert second["results"] == sorted(f"Observation/{each['id']}" for each in persistent("p1"))
    assert loaded("alerts", "--json", "--patient", "p1").json == [second]
    text = loaded("alerts").out
    assert "URGENT" in text.splitlines()[0]
    assert audited(engine).count("read-alerts") == 3


@pytest.mark.parametrize("moment", ["0001-01-01", "9999-12-31"])
def test_a_sweep_as_of_a_day_that_is_nobodys_is_refused_and_leaves_every_judgement(
    loaded: Run, moment: str
) -> None:
    assert loaded("sweep", "--as-of", moment).code == 2
    assert loaded("quarantine", "list", "--json").json == []


def test_a_sweep_as_of_a_day_finds_what_is_overdue_by_then(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVERWATCH_CLOCK", "system")
    last = f"{datetime.now(UTC).date()}"
    assert run("load", write_lines(tmp_path / "b.ndjson", [result("one", "p1", last, 60)])).code == 0
    first_overdue = datetime.fromisoformat(f"{last}T00:00:00+00:00") + timedelta(days=91)
    eve = first_overdue - timedelta(seconds=1)
    assert run("sweep", "--as-of", f"{eve:%Y-%m-%dT%H:%M:%S}").code == 0
    assert run("alerts", "--json").json == []
    assert run("sweep", "--json", "--as-of", f"{first_overdue:%Y-%m-%d}").json["judged"] == 1
    assert run("sweep", "--json", "--as-of", f"{first_overdue:%Y-%m-%dT%H:%M:%S%z}").json["judged"] == 0
    (alert,) = run("alerts", "--json").json
    assert (alert["family"], alert["tier"], alert["first_met"]) == (
        "follow-up",
        "routine",
        f"{first_overdue:%Y-%m-%d}",
    )
    text = run("alerts").out
    assert f"ALT recheck-overdue: recheck-overdue, due {eve.date() - timedelta(days=76)}" in text
    assert ", stable" not in text


def test_resolved_and_withdrawn_alerts_are_listed_on_request(loaded: Run, tmp_path: Path) -> None:
    healed = [result(f"h{n}", "p1", day, 20) for n, day in enumerate(("2024-10-01", "2024-11-01"))]
    withdrawn = [each | {"status": "entered-in-error"} for each in persistent("p2")]
    withdrawn.append(result("p2-high", "p2", "2024-09-04", 1200) | {"status": "entered-in-error"})
    for each in withdrawn:
        each["meta"] = {"versionId": "2", "lastUpdated": "2024-12-01T10:00:00Z"}
    assert loaded("load", write_lines(tmp_path / "b.ndjson", [*healed, *withdrawn])).code == 0
    assert loaded("alerts", "--json").json == []
    assert loaded("alerts").out == "no alerts\n"
    found = {each["patient"]: each["state"] for each in loaded("alerts", "--json", "--all").json}
    assert found == {"p1": "resolved", "p2": "entered-in-error"}
    assert "withdrawn:" in loaded("alerts", "--all").out


def test_a_decision_is_recorded_under_the_beginning_of_an_id(loaded: Run, engine: Engine) -> None:
    first, second = loaded("alerts", "--json").json
    ran = loaded("dispose", second["id"][:8].upper(), "take", "--by", "Nurse Lee", "--json").json
    assert ran == {"id": second["id"], "state": "taken", "owner": "Nurse Lee", "wakes": None}
    ran = loaded("dispose", first["id"], "snooze", "--by", "Nurse Lee", "--until", "2999-01-01")
    assert ran.out == f"{first['id']} is snoozed until 2999-01-01\n"
    refused = loaded("dispose", first["id"], "snooze", "--by", "Nurse Lee")
    assert (refused.code, refused.err) == (1, "liverwatch: snooze needs a date, the next result, or both\n")
    assert loaded("dispose", first["id"], "sleep", "--by", "Nurse Lee").code == 2
    assert audited(engine)[-2:] == ["dispose-take", "dispose-snooze"]


def test_a_decision_by_command_is_audited_with_the_user_of_the_machine(
    loaded: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "mallory")
    (found, _) = loaded("alerts", "--json").json
    assert loaded("dispose", found["id"], "take", "--by", "Nurse Lee").code == 0
    with reading(engine) as connection:
        last = connection.execute(select(audit).order_by(audit.c.id.desc()).limit(1)).one()
    assert (last.actor, json.loads(last.detail)["keyed_by"]) == ("Nurse Lee", "cli:mallory")


def test_an_id_that_fits_two_alerts_is_refused(loaded: Run, engine: Engine) -> None:
    from uuid import UUID

    with writing(engine) as connection:
        (content, *_) = connection.execute(select(alert.c.content)).scalars()
        row = connection.execute(select(alert)).first()
        assert row is not None
        for digit in "12":
            twin = UUID(f"00000000-0000-4000-8000-00000000000{digit}")
            connection.execute(alert.insert().values(row._asdict() | {"id": twin, "content": content}))
    assert "more than one" in loaded("dispose", "00000000", "take", "--by", "nurse").err


def test_rejudge_and_sweep_say_how_many_records_they_judged(loaded: Run) -> None:
    assert loaded("rejudge", "--json").json == {"judged": 0, "failed": 0}
    assert loaded("rejudge", "--all").out == "judged 2 records\n"
    assert loaded("sweep", "--json").json == {"judged": 0, "failed": 0, "replayed": 0, "passed_on": 0}


@pytest.mark.parametrize("arguments", [["sweep"], ["quarantine", "replay", "--all"]])
def test_nothing_goes_on_by_another_clock_than_the_database_was_judged_by(
    loaded: Run, arguments: list[str]
) -> None:
    before = loaded("alerts", "--all", "--json").out
    ran = loaded(*arguments, "--clock", "system")
    assert (ran.code, ran.out) == (1, "")
    assert "(clock data)" in ran.err
    assert "(clock system)" in ran.err
    assert ran.err.count("\n") == 1
    assert loaded(*arguments, "--clock", "data").code == 0
    assert loaded("alerts", "--all", "--json").out == before


def test_a_decision_is_not_judged_by_other_rules_than_its_record(loaded: Run) -> None:
    (alert, _) = (each["id"] for each in loaded("alerts", "--json").json)
    by_now = loaded("dispose", alert, "take", "--by", "Ada", "--clock", "system")
    assert by_now.code == 1
    assert "(clock data)" in by_now.err
    assert "(clock system)" in by_now.err
    loaded("source", "set", "files", "--zone", "Europe/Vienna")
    elsewhere = loaded("dispose", alert, "take", "--by", "Ada")
    assert elsewhere.err.startswith("liverwatch: the settings of this source have changed")
    loaded("rejudge")
    assert loaded("dispose", alert, "take", "--by", "Ada").code == 0


def test_rejudging_by_another_clock_is_said_and_settles_it(loaded: Run) -> None:
    assert loaded("rejudge", "--all").err == ""
    ran = loaded("rejudge", "--clock", "system")
    assert ran.out == "judged 2 records\n"
    assert "until now records were judged by rulebook" in ran.err
    assert "from now on every record is judged by rulebook" in ran.err
    assert loaded("sweep", "--clock", "system").code == 0
    assert loaded("sweep", "--clock", "data").code == 1


def test_a_load_by_another_clock_says_so(loaded: Run, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "more.ndjson", persistent("p3"))
    assert "what this load changes is judged" in loaded("load", path, "--clock", "system").err


# ------------------------------------------------------------------------------- sources and quarantine


def test_tasks_and_language_are_set_by_source_and_no_matter_for_judging(run: Run) -> None:
    run("source", "add", "ward", "--tasks", "--language", "zh_CN")
    (listed,) = run("source", "list", "--json").json
    assert (listed["tasks"], listed["language"]) == (True, "zh-CN")
    changed = run("source", "set", "ward", "--no-tasks", "--language", "en")
    assert changed.out == "changed: tasks, language\n"
    assert "rejudge" not in changed.err
    refused = run("source", "set", "ward", "--language", "tlh")
    assert refused.code != 0
    assert "language: 'tlh' is none of en, zh-CN" in refused.err


def test_an_ehr_is_let_in_to_cds_hooks_and_shut_out_again(run: Run) -> None:
    run("source", "add", "ward")
    keys = "https://ehr.test/jwks.json"
    let_in = run("source", "set", "ward", "--cds-issuer", "https://ehr.test/", "--cds-jwks", keys)
    assert let_in.out == "changed: cds_issuer, cds_jwks\n"
    assert "rejudge" not in let_in.err
    assert run("source", "set", "ward", "--cds-jwks", "").code == 1
    (listed,) = run("source", "list", "--json").json
    assert (listed["cds_issuer"], listed["cds_jwks"]) == ("https://ehr.test/", keys)
    assert run("source", "set", "ward", "--cds-issuer", "", "--cds-jwks", "").code == 0


def test_a_source_is_added_listed_changed_and_removed(run: Run, engine: Engine, tmp_path: Path) -> None:
    added = run("source", "add", "ward", "--zone", "Europe/Vienna")
    secret = added.out.strip()
    assert "not shown again" in added.err
    with reading(engine) as connection:
        assert sources.by_name(connection, "ward").accepts(secret)
    changed = run(
        "source", "set", "ward", "--version-order", "numeric", "--fhir-base-url", "https://ehr/fhir"
    )
    assert changed.out == "changed: version_order, fhir_base_url\n"
    assert "rejudge" in changed.err
    assert run("source", "set", "ward", "--zone", "").out == "changed: zone\n"
    (listed,) = run("source", "list", "--json").json
    assert listed | {"secrets": None} == {
        "name": "ward",
        "active": True,
        "zone": None,
        "version_order": "numeric",
        "fhir_base_url": "https://ehr/fhir",
        "write_token_file": None,
        "write_token_env": None,
        "auth": None,
        "token_endpoint": None,
        "client_id": None,
        "client_secret_file": None,
        "key_id": None,
        "scopes": DEFAULT_SCOPES,
        "write": "auto",
        "fhir_version": None,
        "contacts": [],
        "tasks": False,
        "language": "en",
        "catch_up": "all",
        "poll_seconds": 300,
        "stale_after_seconds": 0,
        "signed": "none",
        "signature_header": None,
        "signing_secret_file": None,
        "signing_secret_env": None,
        "certificates": [],
        "cds_issuer": None,
        "cds_jwks": None,
        "launch_client_id": None,
        "launch_client_secret_file": None,
        "launch_role": None,
        "record_url": None,
        "secrets": None,
    }
    (tmp_path / "secret").write_text("a-secret-of-our-own\n")
    assert run("source", "secret", "ward", "--secret-file", tmp_path / "secret").code == 0
    with reading(engine) as connection:
        ward = sources.by_name(connection, "ward")
    assert ward.accepts("a-secret-of-our-own")
    assert ward.accepts(secret)
    assert run("source", "remove", "ward").code == 0
    assert run("source", "secret", "ward").code == 1
    assert "ward" in run("source", "list").out
    assert audited(engine) == ["source-add", "source-set", "source-set", "source-secret", "source-remove"]


def test_the_contacts_of_a_source_are_set_in_order_and_taken_away(run: Run, engine: Engine) -> None:
    assert run("source", "add", "ward", "--contact", "Dr Bo", "--contact", "Dr Cy").code == 0
    with reading(engine) as connection:
        assert sources.by_name(connection, "ward").settings.contacts == ("Dr Bo", "Dr Cy")
    assert "Dr Bo, Dr Cy" in run("source", "list").out
    assert run("source", "set", "ward", "--zone", "Europe/Vienna").out == "changed: zone\n"
    changed = run("source", "set", "ward", "--contact", "Dr Di")
    assert changed.out == "changed: contacts\n"
    assert "rejudge" not in changed.err
    assert run("source", "list", "--json").json[0]["contacts"] == ["Dr Di"]
    assert run("source", "set", "ward", "--contact", "").out == "changed: contacts\n"
    assert run("source", "list", "--json").json[0]["contacts"] == []


@pytest.mark.parametrize("names", [["Dr Bo", "Dr Bo"], ["   "], ["Dr\tBo"], ["x" * 129]])
def test_contacts_that_cannot_be_told_apart_or_shown_are_refused(run: Run, names: list[str]) -> None:
    given = [part for name in names for part in ("--contact", name)]
    assert run("source", "add", "ward", *given).code == 1


def test_an_urgent_alert_that_nobody_takes_says_so_where_alerts_are_listed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVERWATCH_CLOCK", "system")
    run("source", "add", "files", "--contact", "Dr Bo")
    day = f"{datetime.now(UTC).date()}"
    assert run("load", write_lines(tmp_path / "u.ndjson", [result("one", "p1", day, 1200)])).code == 0
    (alert,) = run("alerts", "--json").json
    assert (alert["overdue"], alert["told"]) == (False, [])
    assert "nobody" not in run("alerts").out
    later = datetime.fromisoformat(alert["untaken_since"]) + timedelta(hours=4, seconds=1)
    assert "passed on 1 urgent" in run("sweep", "--as-of", f"{later:%Y-%m-%dT%H:%M:%S}").out
    (alert,) = run("alerts", "--json").json
    assert (alert["overdue"], alert["told"]) == (True, ["Dr Bo"])
    assert "UTC: passed on to Dr Bo" in run("alerts").out


def test_what_a_source_signs_with_is_set_changed_and_taken_away(run: Run) -> None:
    assert run("source", "add", "ward", "--signed", "body", "--signing-secret-file", "/run/secret").code == 0
    run("source", "set", "ward", "--signature-header", "X-Hub-Signature-256", "--certificate", "CN=ehr")
    (listed,) = run("source", "list", "--json").json
    assert (listed["signed"], listed["signing_secret_file"]) == ("body", "/run/secret")
    assert (listed["signature_header"], listed["certificates"]) == ("X-Hub-Signature-256", ["CN=ehr"])
    half = run("source", "set", "ward", "--signed", "none")
    assert (half.code, "signing_secret_file" in half.err) == (1, True)
    gone = ["--signed", "none", "--signing-secret-file", "", "--signature-header", "", "--certificate", ""]
    assert run("source", "set", "ward", *gone).out == (
        "changed: signed, signature_header, signing_secret_file, certificates\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["Bad Name"],
        ["ward", "--zone", "Mars/Base"],
        ["ward", "--fhir-base-url", "ehr"],
        ["ward", "--signed", "body"],
        ["ward", "--signing-secret-file", "/run/secret"],
        ["ward", "--signature-header", "X-Signature"],
        ["ward", "--signed", "body", "--signing-secret-file", "/a", "--signing-secret-env", "A"],
        ["ward", "--signed", "body", "--signing-secret-env", "A", "--signature-header", "two words"],
        ["ward", "--signed", "standard-webhooks", "--signing-secret-env", "A", "--signature-header", "X-S"],
        ["ward", "--certificate", "CN=ehr", "--certificate", "CN=ehr"],
        ["ward", "--certificate", "   "],
        ["ward", "--certificate", "CN=e\thr"],
        ["ward", "--certificate", "x" * 1025],
    ],
)
def test_a_source_that_cannot_work_is_refused(run: Run, arguments: list[str]) -> None:
    ran = run("source", "add", *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert run("source", "list", "--json").json == []


def test_a_reader_token_is_shown_once_and_can_be_revoked(run: Run, engine: Engine) -> None:
    run("source", "add", "ward")
    made = run("reader", "add", "board", "--source", "ward", "--json").json
    with reading(engine) as connection:
        reader = readers.reader_of(connection, made["token"])
    assert reader == readers.Reader("board", frozenset({"ward"}))
    assert run("reader", "list", "--json").json == [
        {"name": "board", "valid": True, "audits": False, "sources": ["ward"]}
    ]
    assert run("reader", "revoke", "board").code == 0
    assert "False" in run("reader", "list").out
    with reading(engine) as connection:
        assert readers.reader_of(connection, made["token"]) is None
    assert run("reader", "add", "other", "--source", "nowhere").code == 1


def test_what_is_held_is_listed_without_what_it_says_and_shown_on_request(
    run: Run, engine: Engine, tmp_path: Path
) -> None:
    bad = result("x", "p1", "2024-01-01", 98765.5)
    assert run("load", write_lines(tmp_path / "a.ndjson", [bad])).code == 0
    listed = run("quarantine", "list", "--json")
    (held,) = listed.json
    assert (held["source"], held["type"], held["reason"]) == ("files", "Observation", "implausible-value")
    assert "98765" not in listed.out
    assert run("quarantine", "list", "--reason", "no-id", "--json").json == []
    shown = run("quarantine", "show", held["id"])
    assert "98765" not in shown.out
    assert "98765" in run("quarantine", "show", held["id"], "--raw").out
    assert json.loads(run("quarantine", "show", held["id"], "--raw", "--json").json["raw"]) == bad
    assert run("quarantine", "show", 999).code == 1
    assert audited(engine).count("read-quarantine") == 3


def test_what_is_held_can_be_taken_again_once_its_cause_is_mended(run: Run, tmp_path: Path) -> None:
    zoneless = result("x", "p1", "2024-01-01") | {"effectiveDateTime": "2024-01-01T08:00:00"}
    assert run("load", write_lines(tmp_path / "a.ndjson", [zoneless])).code == 0
    (held,) = run("quarantine", "list", "--json").json
    assert run("quarantine", "replay").code == 2
    assert run("quarantine", "replay", held["id"], "--json").json["replayed"] == 1
    (again,) = run("quarantine", "list", "--json").json
    assert again == held
    run("source", "set", "files", "--zone", "Europe/Vienna")
    assert run("quarantine", "replay", "--all", "--json").json["counts"] == {"stored": 1}
    assert run("quarantine", "list", "--json").json == []
    (taken,) = run("quarantine", "list", "--all", "--json").json
    assert (taken["id"], taken["resolution"]) == (held["id"], "replayed")
    assert run("quarantine", "replay", held["id"]).code == 1


def test_what_a_source_is_asked_for_is_set_and_its_state_told(run: Run, engine: Engine) -> None:
    run("source", "add", "ward")
    assert "not asked for anything" in run("source", "status", "ward").out
    run("source", "set", "ward", "--fhir-base-url", "http://127.0.0.1:9/fhir", "--catch-up", "patients")
    told = run("source", "status", "ward", "--json").json
    assert told["problem"] == "GET metadata: ConnectError"
    assert (told["asked"], told["types"], told["subscriptions"]) == (True, [], [])
    assert (told["heard"], told["to_fetch"]) == (None, {"count": 0, "since": None})
    with writing(engine) as connection:
        ward = sources.by_name(connection, "ward").id
        fetches.ask(connection, ward, ["Observation/o1"], "feed", datetime(2026, 1, 15, 12, tzinfo=UTC))
        said = heard.Heard("heartbeat", "active", None)
        heard.note(connection, ward, said, datetime(2026, 1, 15, 12, tzinfo=UTC))
    in_words = run("source", "status", "ward").out
    assert "Last notified 2026-01-15 12:00 UTC: heartbeat active" in in_words
    assert "1 resources that it pointed at are not here yet" in in_words
    assert "The feed never brought anything\n" in in_words
    assert told["lost_last_day"] is None
    with writing(engine) as connection:
        freshness.message_came(connection, [ward], datetime(2026, 1, 15, 12, tzinfo=UTC))
        made = Kept(ward, "s1", "topic", "active", datetime(2026, 1, 15, tzinfo=UTC), events=0)
        subscriptions.add(connection, made)
        said = heard.Heard("event-notification", "active", 3, (3,), "s1")
        gaps.note(connection, ward, said, datetime(2026, 1, 15, 12, tzinfo=UTC))
    assert run("source", "set", "ward", "--stale-after-seconds", "3600").code == 0
    in_words = run("source", "status", "ward").out
    assert "last brought something 2026-01-15 12:00 UTC: it is stale" in in_words
    assert "Results of the last 24 hours that it lost and asking found: 0\n" in in_words
    assert "Subscription/s1 (active): topic; events 1 to 2 did not come" in in_words
    assert "give 60 to" in run("source", "set", "ward", "--stale-after-seconds", "5").err
    assert run("source", "set", "ward", "--stale-after-seconds", "0").code == 0
    assert run("source", "status", "ward", "--json").json["freshness"]["stale"] is False
    refused = run("source", "set", "ward", "--poll-seconds", "1")
    assert refused.code == 1
    assert "poll_seconds: give 5 to 86400" in refused.err
    assert run("source", "set", "ward", "--catch-up", "none").out == "changed: catch_up\n"
    assert run("source", "status", "ward", "--json").json["asked"] is False


def test_catching_up_with_a_server_that_does_not_answer_says_so(run: Run) -> None:
    run("source", "add", "ward", "--fhir-base-url", "http://127.0.0.1:9/fhir")
    asked = run("source", "catchup", "ward", "--since", "2025-01-01")
    assert asked.code == 1
    assert "the server of ward does not answer: GET Condition: ConnectError" in asked.err
    (first, *_) = run("source", "status", "ward", "--json").json["types"]
    assert first["mark"].startswith("2025-01-01")
