import gzip
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, select

from service.clinical.rulebook import load_rulebook
from service.errors import ConfigurationError, Conflict
from service.fhir.incoming import Incoming
from service.ingest import Rules, is_behind, judge_page
from service.loading import FeedFile, Limits, Loader, Rejection, Summary, ensure_source, find_files
from service.loading.chunks import Chunk, Decoder
from service.loading.files import Piece, read_pieces
from service.loading.pace import Pace
from service.store import alerts, patients, source_settings, sources
from service.store.schema import (
    alert,
    audit,
    decision,
    lab_result,
    patient,
    quarantine,
    raw_message,
    resource,
)
from service.store.session import reading, writing
from tests.liver_files import bundle, persistent, person, result, write, write_lines

NOW = datetime(2025, 6, 1, tzinfo=UTC)
RULES = Rules(load_rulebook(), clock="data")
LIMITS = {"max_line": 1000, "max_document": 2000}


@pytest.fixture
def load(engine: Engine) -> Callable[..., Summary]:
    """Load paths into the source `files`."""

    def run(*paths: Path, **options: Any) -> Summary:
        source, _ = ensure_source(engine, "files", NOW, "test")
        return Loader(engine, source, RULES, **options).load(find_files(paths))

    return run


def count(engine: Engine, table: Any, *where: Any) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()


def outcome(engine: Engine) -> list[tuple[str, str, str, str]]:
    """Patient, family, state and onset of every alert."""
    query = select(patient.c.fhir_id, alert.c.content).join(alert, alert.c.patient_id == patient.c.id)
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    found = [(row.fhir_id, alerts.decode(row.content)) for row in rows]
    return sorted((id_, a.family.value, a.state.value, str(a.episode.onset)) for id_, a in found)


def pieces(path: Path) -> list[Piece | Rejection]:
    return list(read_pieces(FeedFile(path, path.stat().st_size), **LIMITS))


# ------------------------------------------------------------------------------------------------ files


def test_a_folder_is_searched_for_what_can_be_loaded_and_a_file_named_twice_is_loaded_once(
    tmp_path: Path,
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    for name in ("b.ndjson", "a.json", "notes.txt", "inner/c.ndjson.gz", "inner/d.JSON.GZ"):
        (tmp_path / name).write_bytes(b"")
    found = find_files([tmp_path, tmp_path / "b.ndjson", inner])
    assert [each.path.name for each in found] == ["a.json", "b.ndjson", "c.ndjson.gz", "d.JSON.GZ"]
    assert [each.by_lines for each in found] == [False, True, True, False]
    assert [each.zipped for each in found] == [False, False, True, True]


@pytest.mark.parametrize("name", ["notes.txt", "missing.ndjson", "empty-folder"])
def test_a_path_that_cannot_be_loaded_is_refused_before_anything_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "empty-folder").mkdir()
    with pytest.raises(ConfigurationError, match=name):
        find_files([tmp_path / name])


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.gz"])
def test_lines_come_with_their_numbers_without_bom_and_blank_lines(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, b'\xef\xbb\xbf\n{"a":1}\r\n  \n\n\t{"b":2} \n{"c":3}')
    assert [(each.raw, each.line) for each in pieces(path) if isinstance(each, Piece)] == [
        (b'{"a":1}', 2),
        (b'{"b":2}', 5),
        (b'{"c":3}', 6),
    ]


def test_a_line_that_is_too_long_is_rejected_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", b'{"a":1}\n' + b"x" * 5000 + b"\n" + b"y" * 1000 + b"\n")
    first, second, third = pieces(path)
    assert isinstance(second, Rejection)
    assert second.line == 2
    assert [each.raw for each in (first, third) if isinstance(each, Piece)] == [b'{"a":1}', b"y" * 1000]


def test_a_document_that_is_too_long_is_rejected(tmp_path: Path) -> None:
    (only,) = pieces(write(tmp_path / "a.json", b" " * 2001))
    assert isinstance(only, Rejection)
    assert "more than 2000 bytes" in str(only)


def test_a_compressed_file_that_ends_early_gives_what_it_holds_and_says_so(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(b"%030d\n" % random.getrandbits(90) for _ in range(5000)))
    path = tmp_path / "a.ndjson.gz"
    path.write_bytes(whole[: len(whole) // 2])
    *read, last = pieces(path)
    assert read
    assert isinstance(last, Rejection)
    assert "ends early" in last.message
    (tmp_path / "b.ndjson.gz").write_bytes(b"not gzip at all")
    (only,) = pieces(tmp_path / "b.ndjson.gz")
    assert isinstance(only, Rejection)


def test_a_chunk_holds_no_more_than_asked_and_bytes_read_add_up(tmp_path: Path) -> None:
    files = find_files(
        [
            write_lines(tmp_path / "a.ndjson.gz", [*persistent("p1"), "{", *persistent("p2")]),
            write(tmp_path / "b.json", json.dumps(bundle(persistent("p3"))).encode()),
        ]
    )
    source = sources.Source(1, "files", source_settings.SourceSettings(), (), active=True)
    chunks: list[Chunk] = list(Decoder(source, RULES.rulebook, Limits()).chunks(files, lambda: 5))
    assert [len(each.incoming) for each in chunks] == [5, 5, 2]
    assert sum(each.read for each in chunks) == sum(each.size for each in files)
    assert sum(len(each.rejected) for each in chunks) == 1


def test_the_pace_follows_what_transactions_take() -> None:
    pace = Pace(500, 50, 4000)
    pace.took(500, 0.01)
    assert pace.size == 1000
    pace.took(1000, 0.2)
    assert pace.size == 500
    pace.took(3, 5.0)
    assert pace.size == 500
    for _ in range(9):
        pace.took(pace.size, 9.0)
    assert pace.size == 50


# ---------------------------------------------------------------------------------------------- loading


def test_results_are_stored_and_every_record_is_judged_once(
    engine: Engine, load: Callable[..., Summary], tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "a.ndjson", [*persistent("p1"), person("p1"), *persistent("p2", 30)])
    summary = load(path)
    assert (summary.read, summary.counts["stored"], summary.patients, summary.judged) == (9, 9, 2, 2)
    assert summary.episodes == {"persistent": 1, "recheck-overdue": 3}
    assert summary.alerts == {"urgent": 0, "soon": 0, "routine": 1}
    assert outcome(engine) == [("p1", "transaminase", "open", "2024-01-10")]
    with reading(engine) as connection:
        assert patients.unjudged(connection, 10) == []
        assert set(connection.execute(select(resource.c.way)).scalars()) == {"file"}


def test_loading_again_changes_nothing(engine: Engine, load: Callable[..., Summary], tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "a.ndjson", [*persistent("p1"), person("p1"), result("x", "p1", "2024-01-01", -1)]
    )
    first = load(path)
    tables = (resource, raw_message, lab_result, quarantine, alert, patient)
    before = [count(engine, table) for table in tables]
    second = load(path)
    assert second.counts["stored"] == second.patients == second.judged == 0
    assert second.counts["duplicate"] == first.read
    assert [count(engine, table) for table in tables] == before


def test_order_and_packing_of_the_files_do_not_matter(
    engine: Engine, load: Callable[..., Summary], tmp_path: Path
) -> None:
    everything = [each for n in range(6) for each in (*persistent(f"p{n}", 30 + 20 * n), person(f"p{n}"))]
    for at, each in enumerate(everything[::3]):
        write(tmp_path / f"{at}.json", json.dumps(each).encode())
    write_lines(tmp_path / "x.ndjson.gz", everything[1::3][::-1])
    write(tmp_path / "y.json.gz", json.dumps(bundle(everything[2::3])).encode())
    load(tmp_path)
    first = outcome(engine)
    assert len(first) == 5
    with writing(engine) as connection:
        other = sources.add(connection, "other", source_settings.SourceSettings(), "secret-of-no-use", NOW)
    Loader(engine, other, RULES).load(find_files([write_lines(tmp_path / "all.ndjson", everything)]))
    assert outcome(engine) == sorted(first * 2)


def test_a_malformed_line_is_told_by_place_alone_and_the_others_go_on(
    engine: Engine, load: Callable[..., Summary], tmp_path: Path
) -> None:
    bad = ['{"secret-name": NaN}', "[1]", '{"resourceType":"Observation","resourceType":"Secret"}', '{"x":1}']
    bad.append(json.dumps(bundle([])))
    path = write_lines(tmp_path / "a.ndjson", ["", *bad, *persistent("p1")])
    told: list[Rejection] = []
    summary = load(path, on_rejected=told.append)
    assert summary.rejected == 5
    assert summary.read == 9
    assert [each.line for each in told] == [2, 3, 4, 5, 6]
    assert "ecret" not in " ".join(map(str, told))
    assert len(outcome(engine)) == 1


@pytest.mark.parametrize(
    "content", [b"[]", b"{", b"", b'{"resourceType":"Bundle","type":"history","entry":[]}']
)
def test_a_document_that_is_no_resource_is_rejected(
    load: Callable[..., Summary], tmp_path: Path, content: bytes
) -> None:
    summary = load(write(tmp_path / "a.json", content))
    assert (summary.read, summary.rejected) == (1, 1)


def test_a_single_resource_and_a_bundle_with_bom_are_loaded(
    load: Callable[..., Summary], tmp_path: Path
) -> None:
    write(tmp_path / "a.json", b"\xef\xbb\xbf" + json.dumps(person("p1"), indent=2).encode())
    write(tmp_path / "b.json", b"\xef\xbb\xbf" + json.dumps(bundle(persistent("p1"))).encode())
    assert load(tmp_path).counts["stored"] == 5


def test_what_is_not_about_the_liver_is_counted_and_not_kept(
    engine: Engine, load: Callable[..., Summary], tmp_path: Path
) -> None:
    other = result("o", "p1", "2024-01-01") | {
        "code": {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]}
    }
    summary = load(write_lines(tmp_path / "a.ndjson", [other, {"resourceType": "Encounter", "id": "e"}]))
    assert summary.of("ignored") == {"other-code": 1, "other-type": 1}
    assert count(engine, resource) == 0


def test_what_cannot_be_used_is_quarantined_and_counted_by_reason(
    engine: Engine, load: Callable[..., Summary], tmp_path: Path
) -> None:
    summary = load(write_lines(tmp_path / "a.ndjson", [result("x", "p1", "2024-01-01", -1)]))
    assert summary.of("quarantined") == {"implausible-value": 1}
    assert count(engine, quarantine) == 1


def test_one_resource_that_cannot_be_stored_fails_alone(
    engine: Engine, load: Callable[..., Summary], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.ingest import take

    def poisoned(engine: Engine, deliveries: Any, rules: Rules, now: Any, *, judged: bool) -> Any:
        incoming: list[Incoming] = [each for delivery in deliveries for each in delivery.incoming]
        if any(each.id == "p1-2024-03-12" for each in incoming):
            raise ValueError("poison")
        return take(engine, deliveries, rules, now, judged=judged)

    monkeypatch.setattr("service.ingest.receiving.take", poisoned)
    summary = load(write_lines(tmp_path / "a.ndjson", [*persistent("p1"), *persistent("p2")]))
    assert summary.counts["stored"] == 7
    assert summary.of("quarantined") == {"storing-failed": 1}
    assert len(outcome(engine)) == 2


def test_a_load_that_is_stopped_keeps_what_it_read_and_the_next_does_the_rest(
    engine: Engine, load: Callable[..., Summary], tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "a.ndjson", [each for n in range(200) for each in persistent(f"p{n}")])
    stopped = load(path, stop=lambda: True)
    assert stopped.stopped
    stored = count(engine, resource)
    assert 0 < stored == stopped.counts["stored"] < 800
    with reading(engine) as connection:
        assert len(patients.unjudged(connection, 1000)) == stopped.patients
    again = load(path)
    assert again.counts["duplicate"] == stored
    assert again.counts["stored"] == 800 - stored
    assert again.judged == 200
    assert len(outcome(engine)) == 200


def test_a_record_that_somebody_else_judged_after_its_page_was_read_is_not_judged_again(
    engine: Engine, load: Callable[..., Summary], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = patients.unjudged
    overtaken: list[int] = []

    def overtaking(connection: Connection, limit: int, after: int = 0) -> list[int]:
        page = read(connection, limit, after)
        if page and not overtaken:
            overtaken.append(page[0])
            assert judge_page(engine, page[:1], RULES, NOW, is_behind) == (1, 0)
        return page

    monkeypatch.setattr(patients, "unjudged", overtaking)
    summary = load(write_lines(tmp_path / "a.ndjson", [*persistent("p1"), *persistent("p2")]))
    assert (len(overtaken), summary.judged) == (1, 1)
    assert summary.episodes["persistent"] == 1
    assert count(engine, decision) == len(outcome(engine)) == 2
    with reading(engine) as connection:
        assert read(connection, 10) == []


def test_a_record_merged_into_one_that_is_up_to_date_is_judged_with_it(
    engine: Engine, load: Callable[..., Summary], tmp_path: Path
) -> None:
    merged = person("p2") | {"link": [{"other": {"reference": "Patient/p1"}, "type": "replaced-by"}]}
    load(write_lines(tmp_path / "a.ndjson", [*persistent("p1")[:2], person("p1"), merged]))
    late = [each | {"id": f"late-{each['id']}"} for each in persistent("p2")[2:]]
    summary = load(write_lines(tmp_path / "b.ndjson", late))
    assert (summary.patients, summary.judged) == (1, 1)
    assert outcome(engine) == [("p1", "transaminase", "open", "2024-01-10")]


def test_a_source_that_does_not_exist_is_made_and_audited_and_a_removed_one_refused(engine: Engine) -> None:
    made, new = ensure_source(engine, "files", NOW, "cli:somebody")
    assert new
    assert ensure_source(engine, "files", NOW, "cli:somebody") == (made, False)
    assert count(engine, audit, audit.c.action == "source-add") == 1
    with writing(engine) as connection:
        sources.remove(connection, "files")
    with pytest.raises(Conflict):
        ensure_source(engine, "files", NOW, "cli:somebody")
