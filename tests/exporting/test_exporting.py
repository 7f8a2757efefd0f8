"""All there is at an EHR is read in bulk, once, whatever it breaks off by."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from service.catchup import Asker, ask
from service.errors import ConfigurationError, Conflict, RemoteError
from service.exporting import Exported
from service.fhir.queries import ASKED_FOR
from service.fhir.remote import RemoteRefused, RemoteUnavailable
from service.store import exports
from service.store.session import reading
from tests.exporting.bulk_server import AT, ORIGIN, STORAGE, Room
from tests.ingest.feeding import Resource, observation, patient, persistent

MARK = datetime.fromisoformat(AT).isoformat()


def stamped(resource: Resource, version: int = 1) -> Resource:
    """As a server holds it."""
    meta = {"versionId": str(version), "lastUpdated": "2026-01-10T00:00:00Z"}
    return {**resource, "meta": meta}


def fill(room: Room) -> None:
    """Three people in four files: one of them has a persistent elevation."""
    room.server.output = [
        ("Patient", [stamped(patient(each)) for each in ("p1", "p2", "p3")]),
        ("Observation", [stamped(each) for each in persistent()[:2]]),
        ("Observation", [stamped(each) for each in persistent()[2:]]),
        ("Observation", [stamped(observation("n1", "p2")), stamped(observation("n2", "p3"))]),
    ]


def live(room: Room) -> set[str]:
    return {one.key.observation_id for each in room.feed.histories().values() for one in each}


def is_under_way(room: Room) -> bool:
    with reading(room.feed.engine) as connection:
        return exports.under_way(connection, room.feed.source.id) is not None


def test_everything_is_stored_and_judged_and_the_server_is_told_that_it_is_done(room: Room) -> None:
    fill(room)
    exported = room.export()
    assert (exported.files, exported.complete) == (4, True)
    assert live(room) == {"o1", "o2", "o3", "o4", "n1", "n2"}
    assert set(room.feed.ways("Observation/o1").values()) == {"file"}
    assert len(room.feed.elevations()) == 1
    assert room.server.ended == ["/jobs/1"]
    assert not is_under_way(room)


def test_it_asks_asynchronously_for_what_is_read_and_of_observations_for_our_codes_alone(room: Room) -> None:
    fill(room)
    room.export(since=datetime(2026, 1, 1, tzinfo=UTC))
    (asked,) = room.server.kick_offs()
    assert asked["_type"] == ",".join(ASKED_FOR)
    assert asked["_since"] == "2026-01-01T00:00:00.000Z"
    assert asked["_outputFormat"] == "application/fhir+ndjson"
    assert asked["_typeFilter"].startswith("Observation?code=")
    assert "1742-6%2C" in asked["_typeFilter"]
    assert "," not in asked["_typeFilter"]
    request = next(each for each in room.server.asked if "$export" in str(each.url))
    assert request.headers["Prefer"] == "respond-async"
    assert request.headers["Accept"] == "application/fhir+json"


def test_of_a_group_it_asks_that_group_and_catch_up_stays_where_it_was(room: Room) -> None:
    fill(room)
    exported = room.export("Observation", group="liver-clinic")
    assert str(room.server.asked[0].url).startswith(f"{ORIGIN}/fhir/Group/liver-clinic/$export?")
    assert (exported.complete, exported.moved, room.marks()) == (True, [], {})


def test_a_server_that_takes_no_filter_is_asked_without_one(room: Room) -> None:
    fill(room)
    room.server.refuses_filters = True
    assert room.export().complete
    assert ["_typeFilter" in each for each in room.server.kick_offs()] == [True, False]


def test_catch_up_goes_on_from_the_moment_of_the_export_and_asks_for_no_past_twice(room: Room) -> None:
    fill(room)
    exported = room.export()
    assert set(exported.moved) == set(ASKED_FOR)
    assert {room.marks()[each] for each in ASKED_FOR} == {MARK}
    asker = _asker(room)
    ask(asker)
    since = [each.url.params.get("_lastUpdated") for each in room.server.asked if each.url.params]
    assert "ge2026-01-15T11:20:00.000Z" in since  # ten minutes earlier
    assert not any("patient" in each.url.params for each in room.server.asked)


def _asker(room: Room) -> Asker:
    feed = room.feed
    return Asker(feed.engine, feed.source, feed.rules, room.server.client(), lambda: feed.now)


def test_while_everything_comes_in_bulk_nobody_is_asked_for_alone(room: Room) -> None:
    fill(room)
    room.stop_after = 2
    room.export()
    room.feed.now += timedelta(minutes=1)
    ask(_asker(room))
    assert not any("patient" in each.url.params for each in room.server.asked)
    room.feed.now += timedelta(hours=2)  # nobody goes on with it
    ask(_asker(room))
    assert any("patient" in each.url.params for each in room.server.asked)


def test_an_export_since_a_time_that_catch_up_has_not_reached_leaves_its_mark_alone(room: Room) -> None:
    fill(room)
    room.export("Observation")
    later = datetime.fromisoformat(AT) + timedelta(hours=1)
    exported = room.export("Observation", since=later)
    assert (exported.complete, exported.moved) == (True, [])
    assert room.marks()["Observation"] == MARK


@pytest.mark.parametrize("after", [1, 2, 3])
def test_stopped_between_files_it_goes_on_with_the_same_export_and_reads_none_again(
    room: Room, after: int
) -> None:
    fill(room)
    room.stop_after = after
    stopped = room.export()
    assert stopped.stopped
    assert is_under_way(room)
    assert room.marks() == {}
    room.stop_after = None
    again = room.export()
    assert again.before == stopped.files
    assert again.complete
    assert room.server.jobs == 1
    # the file that was under way is read once more
    assert sum(room.server.fetched().values()) == 5
    assert live(room) == {"o1", "o2", "o3", "o4", "n1", "n2"}
    assert len(room.feed.elevations()) == 1


def test_a_file_that_breaks_off_is_read_again_and_nothing_is_doubled(room: Room) -> None:
    fill(room)

    def broken() -> Iterator[bytes]:
        yield b'{"resourceType":"Observation","id":"half'
        raise httpx2.ReadError("broken off")

    room.server.instead["/files/output/1"] = [lambda: httpx2.Response(200, content=broken())]
    assert room.export().complete
    assert room.server.fetched()["/files/output/1"] == 2
    assert len(live(room)) == 6


def test_a_server_that_stays_away_ends_it_in_words_and_the_same_command_goes_on(room: Room) -> None:
    fill(room)
    room.server.instead["/files/output/3"] = [lambda: httpx2.Response(503)] * 5
    with pytest.raises(RemoteUnavailable, match="Observation, file 4 of 4: HTTP 503"):
        room.export()
    assert room.export().before == 3
    assert room.server.jobs == 1
    assert len(live(room)) == 6


def test_it_looks_as_often_as_the_server_wants(room: Room) -> None:
    fill(room)
    room.server.looks_needed, room.server.retry_after = 2, "120"
    room.export()
    assert room.waits == [120, 120]
    assert "the server prepares it: half way" in room.told


def test_a_server_that_says_nothing_is_asked_less_and_less_often(room: Room) -> None:
    fill(room)
    room.server.looks_needed = 7
    room.export()
    assert room.waits == [2, 4, 8, 16, 32, 60, 60]


def test_a_busy_server_is_asked_again_when_it_wants(room: Room) -> None:
    fill(room)
    room.server.instead["/jobs/1"] = [lambda: httpx2.Response(429, headers={"Retry-After": "90"})]
    assert room.export().complete
    assert room.waits == [90]


def test_an_export_that_the_server_lost_after_a_break_is_begun_anew(room: Room) -> None:
    fill(room)
    room.stop_after = 2
    room.export()
    room.stop_after = None
    room.server.ended.append("/jobs/1")
    assert room.export().complete
    assert room.server.jobs == 2
    assert "the server has that export no more: another is begun" in room.told


def test_an_export_that_the_server_gives_up_is_an_error_and_leaves_nothing_under_way(room: Room) -> None:
    room.server.instead["/jobs/1"] = [lambda: httpx2.Response(422)]
    with pytest.raises(RemoteRefused, match="given the export up"):
        room.export()
    assert not is_under_way(room)


def test_a_credential_that_is_refused_loses_no_export(room: Room) -> None:
    fill(room)
    room.server.instead["/jobs/1"] = [lambda: httpx2.Response(403)]
    with pytest.raises(RemoteRefused, match="state of the export: HTTP 403"):
        room.export()
    assert room.export().complete
    assert room.server.jobs == 1


def test_another_export_is_not_begun_beside_one_that_is_not_done_unless_that_is_given_up(room: Room) -> None:
    fill(room)
    room.stop_after = 1
    room.export()
    room.stop_after = None
    with pytest.raises(Conflict, match=r"an export of everything is not done.*--restart"):
        room.export("Observation")
    assert room.export("Observation", restart=True).files == 3
    assert room.server.ended == ["/jobs/1", "/jobs/2"]


@pytest.mark.parametrize(
    ("status", "says"), [(404, "offers no .export of everybody"), (405, "--group"), (403, "HTTP 403")]
)
def test_a_server_that_does_not_export_is_told_of_in_words(room: Room, status: int, says: str) -> None:
    room.server.instead["/fhir/$export"] = [lambda: httpx2.Response(status)]
    with pytest.raises(RemoteRefused, match=says):
        room.export()
    assert not is_under_way(room)


def test_an_answer_that_does_not_say_where_the_export_is_is_an_error(room: Room) -> None:
    room.server.instead["/fhir/$export"] = [lambda: httpx2.Response(200, json={})]
    with pytest.raises(RemoteRefused, match="did not say where"):
        room.export()


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{}", b"\xff", b'{"transactionTime":"soon","output":[]}'),
        b'{"transactionTime":"9999-12-31T23:59:59-12:00","output":[]}',
    ],
)
def test_what_is_no_manifest_is_an_error(room: Room, body: bytes) -> None:
    room.server.instead["/jobs/1"] = [lambda: httpx2.Response(200, content=body)] * 5
    with pytest.raises(RemoteUnavailable, match="no manifest"):
        room.export()


def test_a_type_that_is_not_read_is_refused_before_anything_is_asked(room: Room) -> None:
    with pytest.raises(ConfigurationError, match="Encounter"):
        room.export("Encounter")
    assert room.server.asked == []


def test_files_of_types_that_nobody_asked_for_are_left_out(room: Room) -> None:
    fill(room)
    room.server.output.append(("Encounter", [{"resourceType": "Encounter", "id": "e"}]))
    exported = room.export()
    assert (exported.files, exported.left_out) == (4, 1)
    assert "/files/output/4" not in room.server.fetched()


def test_bytes_that_come_one_by_one_are_read_too(room: Room) -> None:
    fill(room)
    room.server.zips = room.server.drips = True
    assert room.export().complete
    assert len(live(room)) == 6


def test_what_is_no_id_of_a_group_is_refused_before_anything_is_sent(room: Room) -> None:
    with pytest.raises(ConfigurationError, match="no id of a Group"):
        room.export("Observation", group="../Patient/p1")
    assert room.server.asked == []


def test_compressed_files_are_read_though_no_header_says_so(room: Room) -> None:
    fill(room)
    room.server.zips = True
    assert room.export().complete
    assert len(live(room)) == 6


def test_what_the_server_says_went_wrong_is_counted_in_no_words_and_holds_catch_up_back(room: Room) -> None:
    fill(room)
    issue = {"severity": "error", "code": "exception", "diagnostics": "MRN 4711 is broken"}
    room.server.errors = [{"resourceType": "OperationOutcome", "issue": [issue, issue]}, "no json"]
    exported = room.export()
    assert exported.troubles == {"error exception": 3}
    assert not exported.complete
    assert room.marks() == {}
    assert len(live(room)) == 6
    assert not any("4711" in each for each in room.told)


def test_a_line_that_is_no_resource_holds_catch_up_back_even_if_it_was_read_before_a_break(
    room: Room,
) -> None:
    fill(room)
    room.server.output[0][1].append("{")
    room.stop_after = 1
    room.export()
    room.stop_after = None
    exported = room.export()
    assert (exported.rejected, exported.complete, exported.moved) == (1, False, [])


def test_what_was_deleted_is_gone_unless_it_is_there_again(room: Room) -> None:
    room.feed.send(*(stamped(each) for each in persistent()))
    room.feed.now += timedelta(minutes=1)
    room.server.held["Observation/o2"] = stamped(persistent()[1], 3)
    gone = [
        {"request": {"method": "DELETE", "url": f"Observation/{each}"}}
        for each in ("o1", "o2", "never-known")
    ]
    room.server.deleted = [[{"resourceType": "Bundle", "type": "transaction", "entry": gone}]]
    exported = room.export(since=datetime(2026, 1, 1, tzinfo=UTC))
    assert exported.gone == 1
    assert live(room) == {"o2", "o3", "o4"}
    assert room.feed.ways("Observation/o2")["3"] == "file"
    assert "Observation/never-known" not in {
        each.url.path.removeprefix("/fhir/") for each in room.server.asked
    }


def test_where_nothing_can_be_read_one_by_one_the_export_is_believed(room: Room) -> None:
    room.feed.send(*(stamped(each) for each in persistent()))
    room.server.instead["/fhir/Observation/o1"] = [lambda: httpx2.Response(403)]
    entry = [{"request": {"method": "DELETE", "url": "Observation/o1"}}]
    room.server.deleted = [[{"resourceType": "Bundle", "type": "transaction", "entry": entry}]]
    assert room.export(since=datetime(2026, 1, 1, tzinfo=UTC)).gone == 1
    assert live(room) == {"o2", "o3", "o4"}


# --------------------------------------------------------------------------------------- where files may be


def test_the_token_goes_to_the_server_of_the_source_where_the_manifest_asks_for_it(room: Room) -> None:
    fill(room)
    room.token = "secret"
    room.export()
    assert {each.headers.get("Authorization") for each in room.server.asked} == {"Bearer secret"}


def test_the_token_is_not_sent_with_files_that_need_none(room: Room) -> None:
    fill(room)
    room.token, room.server.needs_token = "secret", False
    room.export()
    files = [each for each in room.server.asked if each.url.path.startswith("/files/")]
    assert [each.headers.get("Authorization") for each in files] == [None] * 4


def at_storage(room: Room, place: str = STORAGE, *, needs_token: bool = False) -> None:
    fill(room)
    room.token, room.server.files_at, room.server.needs_token = "secret", place, needs_token


def elsewhere(room: Room) -> list[httpx2.Request]:
    return [each for each in room.server.asked if each.url.host != "ehr.clinic.test"]


def test_files_at_another_host_are_fetched_only_if_somebody_allows_it_and_without_the_token(
    room: Room,
) -> None:
    at_storage(room)
    with pytest.raises(ConfigurationError, match=r"add --files-from https://storage\.test:443"):
        room.export()
    assert elsewhere(room) == []
    exported = room.export(others=("https://storage.test:443",))
    assert exported.complete
    assert len(elsewhere(room)) == 4
    assert {each.headers.get("Authorization") for each in elsewhere(room)} == {None}


@pytest.mark.parametrize(
    ("place", "needs_token", "says"),
    [
        (STORAGE, True, "only the server of the source gets it"),
        ("http://storage.test", False, "not at an address over https"),
        ("https://ehr.clinic.test:8443", False, "add --files-from https://ehr.clinic.test:8443"),
        ("https://ehr.clinic.test@evil.test", False, "not at an address over https"),
        ("ftp://storage.test", False, "not at an address over https"),
    ],
)
def test_files_elsewhere_are_never_fetched_where_it_is_not_safe(
    room: Room, place: str, needs_token: bool, says: str
) -> None:
    at_storage(room, place, needs_token=needs_token)
    with pytest.raises(ConfigurationError, match=says):
        room.export(others=("https://storage.test", "http://storage.test"))
    assert elsewhere(room) == []


def test_a_redirect_of_a_file_is_not_followed(room: Room) -> None:
    fill(room)
    away = {"Location": "https://evil.test/files"}
    room.server.instead["/files/output/0"] = [lambda: httpx2.Response(302, headers=away)] * 5
    with pytest.raises(RemoteError, match="HTTP 302"):
        room.export()
    assert elsewhere(room) == []


def test_a_server_that_says_the_export_is_elsewhere_is_not_followed_and_gets_no_token(room: Room) -> None:
    fill(room)
    room.token = "secret"
    away = {"Content-Location": "https://evil.test/jobs/1"}
    room.server.instead["/fhir/$export"] = [lambda: httpx2.Response(202, headers=away)]
    with pytest.raises(RemoteRefused, match="not at the server of the base URL"):
        room.export()
    assert elsewhere(room) == []


def test_a_file_that_never_ends_is_given_up(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    from service.fhir import download

    monkeypatch.setattr(download.Download.__init__, "__defaults__", (2000,))
    fill(room)
    room.server.zips = True
    room.server.output[1][1].extend([" " * 500] * 10)
    with pytest.raises(RemoteRefused, match="Observation, file 2 of 4: it is longer than is taken"):
        room.export()


def test_what_was_exported_twice_is_stored_once(room: Room) -> None:
    fill(room)
    first: Exported = room.export()
    before = room.feed.alerts()
    room.feed.now += timedelta(minutes=1)
    assert (room.export().files, first.files) == (4, 4)
    assert room.feed.alerts() == before
