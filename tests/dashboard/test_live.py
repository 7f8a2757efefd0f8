"""The worklist says what changes while somebody looks at it: to whom it concerns, while they may see it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from fastapi.sse import KEEPALIVE_COMMENT
from sqlalchemy import event

from service.alerts.alert import Action
from service.dashboard import live
from service.dashboard.live import MOST_STREAMS, Live, View, Watcher
from service.review import dispose
from service.settings import Settings
from service.store import changes, sessions, sources
from service.store.changes import stamp_of
from service.store.session import reading, writing
from service.store.worklist import Wanted
from tests.dashboard.front_desk import FrontDesk
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import RULES, Ward
from tests.liver_files import persistent, person

UNOWNED = Wanted(unowned=True)


class Corridor:
    """Two hospitals with an alert each, a nurse of one of them, and the pages she has open."""

    def __init__(self, ward: Ward, desk: FrontDesk) -> None:
        self.ward, self.desk = ward, desk
        desk.account("adams")
        ward.feed([person("p1"), *persistent("p1")])
        ward.feed([person("p2"), *persistent("p2")], "annex")
        with writing(ward.engine) as connection:
            self.token = sessions.begin(connection, "adams", datetime.now(UTC))
        with reading(ward.engine) as connection:
            self.clinic = sources.by_name(connection, "clinic").id

    def watcher(self, wanted: Wanted = UNOWNED, since: datetime | None = None) -> Watcher:
        view = View(frozenset({self.clinic}), wanted)
        return Watcher("adams", self.token, view, since or datetime.now(UTC))

    def take(self, source: str = "clinic") -> str:
        """Take the alert of a hospital; its id."""
        (alert,) = self.ward.alerts(source)
        dispose(self.ward.engine, alert.id, Action.TAKE, by="Bell", rules=RULES, now=datetime.now(UTC))
        return str(alert.id)

    def watched(self, script: Callable[[Live], Awaitable[None]]) -> None:
        """Play a script against the pages of a process."""
        asyncio.run(asyncio.wait_for(self._played(script), 30))

    async def _played(self, script: Callable[[Live], Awaitable[None]]) -> None:
        pages = Live(self.ward.engine, Settings())
        try:
            await script(pages)
        finally:
            pages.close()


@pytest.fixture
def corridor(ward: Ward, desk: FrontDesk, monkeypatch: pytest.MonkeyPatch) -> Corridor:
    monkeypatch.setattr(live, "_EVERY", 0.02)
    monkeypatch.setattr(live, "_HEARTBEAT", 0.05)
    return Corridor(ward, desk)


async def told(stream: AsyncIterator[bytes]) -> tuple[str, Any]:
    """The name and content of the next event, past whatever only says that the stream is there."""
    async for text in stream:
        if not text.startswith(b":") and text:
            lines = dict(line.split(": ", 1) for line in text.decode().strip().splitlines())
            return lines["event"], msgspec.json.decode(lines["data"])
    return "ended", None


async def opened(pages: Live, watcher: Watcher) -> AsyncIterator[bytes]:
    """A stream whose page has been told all that there was when it was opened."""
    stream = pages.stream(watcher)
    async for _ in stream:
        if watcher.since is None:
            break
    return stream


def test_a_page_is_told_what_changed_whether_its_list_has_it_and_the_new_counts(corridor: Corridor) -> None:
    async def script(pages: Live) -> None:
        narrowed = await opened(pages, corridor.watcher())
        whole = await opened(pages, corridor.watcher(Wanted()))
        taken = corridor.take()
        name, content = await told(narrowed)
        assert (name, list(content["changed"]), content["within"]) == ("changed", [taken], [])
        assert content["changed"][taken] == str(corridor.ward.alert().revision)
        assert (content["counts"]["total"], content["counts"]["unowned"]) == (0, 0)
        _, content = await told(whole)
        assert content["within"] == [taken]
        assert (content["counts"]["total"], content["counts"]["routine"]) == (1, 1)

    corridor.watched(script)


def test_nobody_is_told_of_a_source_that_they_do_not_see(corridor: Corridor) -> None:
    async def script(pages: Live) -> None:
        stream = await opened(pages, corridor.watcher(Wanted()))
        foreign = corridor.take("annex")
        own = corridor.take()
        _, content = await told(stream)
        assert foreign not in content["changed"]
        assert list(content["changed"]) == [own]

    corridor.watched(script)


def test_a_page_that_comes_back_is_told_what_changed_meanwhile_and_nothing_twice(corridor: Corridor) -> None:
    before = datetime.now(UTC)
    taken = corridor.take()

    async def script(pages: Live) -> None:
        stream = pages.stream(corridor.watcher(since=before))
        _, content = await told(stream)
        assert (list(content["changed"]), content["missed"]) == ([taken], False)
        await opened(pages, corridor.watcher(since=datetime.now(UTC)))
        assert await anext(stream) == KEEPALIVE_COMMENT

    corridor.watched(script)


def test_what_was_committed_only_after_the_page_was_loaded_is_told_though_it_is_dated_before(
    corridor: Corridor,
) -> None:
    taken = corridor.take()

    async def script(pages: Live) -> None:
        _, content = await told(pages.stream(corridor.watcher(since=datetime.now(UTC))))
        assert list(content["changed"]) == [taken]

    corridor.watched(script)


def test_a_row_and_what_is_told_of_it_agree_on_what_it_says(corridor: Corridor) -> None:
    taken = corridor.take()
    browser = corridor.desk.at()

    async def script(pages: Live) -> None:
        since = datetime.now(UTC) - timedelta(seconds=30)
        _, content = await told(pages.stream(corridor.watcher(since=since)))
        (row,) = [each for _, each, _ in Page(browser.get("/").text).every("li") if each.get("id")]
        assert (row["id"], row["data-stamp"]) == (f"alert-{taken}", content["changed"][taken])
        assert stamp_of(2, overdue=True) != stamp_of(2, overdue=False)

    corridor.watched(script)


def test_a_page_that_was_away_for_too_long_is_told_that_it_missed_something(corridor: Corridor) -> None:
    async def script(pages: Live) -> None:
        since = datetime.now(UTC) - timedelta(hours=1)
        _, content = await told(pages.stream(corridor.watcher(since=since)))
        assert content["missed"]

    corridor.watched(script)


@pytest.mark.parametrize("since", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_whatever_moment_a_page_says_it_knows_the_others_are_told(
    corridor: Corridor, since: datetime
) -> None:
    async def script(pages: Live) -> None:
        stream = await opened(pages, corridor.watcher())
        await anext(pages.stream(corridor.watcher(since=since)))
        corridor.take()
        assert (await told(stream))[1]["changed"]

    corridor.watched(script)


def test_a_stream_ends_with_its_session(corridor: Corridor) -> None:
    async def script(pages: Live) -> None:
        stream = await opened(pages, corridor.watcher())
        with writing(corridor.ward.engine) as connection:
            sessions.end_all(connection, "adams")
        assert [await told(stream), await told(stream)] == [("signed-out", {}), ("ended", None)]

    corridor.watched(script)


def test_a_stream_does_not_outlast_the_silence_after_which_people_are_signed_out(corridor: Corridor) -> None:
    async def script(pages: Live) -> None:
        stream = await opened(pages, corridor.watcher())
        corridor.desk.later(minutes=29)
        await opened(pages, corridor.watcher())
        assert await anext(stream) == KEEPALIVE_COMMENT
        corridor.desk.later(minutes=1)
        assert await told(stream) == ("signed-out", {})

    corridor.watched(script)


def test_somebody_with_too_many_pages_is_told_so_on_the_last_one(corridor: Corridor) -> None:
    async def script(pages: Live) -> None:
        streams = [await opened(pages, corridor.watcher()) for _ in range(MOST_STREAMS)]
        refused = pages.stream(corridor.watcher())
        assert [await told(refused), await told(refused)] == [("too-many", {}), ("ended", None)]
        await streams[0].aclose()  # type: ignore[attr-defined]
        await opened(pages, corridor.watcher())

    corridor.watched(script)


def test_every_stream_ends_at_once_when_the_service_does(corridor: Corridor) -> None:
    async def script(pages: Live) -> None:
        stream = await opened(pages, corridor.watcher())
        pages.close()
        assert await told(stream) == ("ended", None)
        assert await told(pages.stream(corridor.watcher())) == ("ended", None)

    corridor.watched(script)


def test_however_many_look_one_look_at_the_database_serves_them_and_none_is_taken_for_nobody(
    corridor: Corridor,
) -> None:
    asked: list[str] = []
    event.listen(corridor.ward.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    async def script(pages: Live) -> None:
        watchers = [corridor.watcher() for _ in range(MOST_STREAMS)]
        streams = [await opened(pages, each) for each in watchers]
        asked.clear()
        corridor.take()
        first, *others = [await told(stream) for stream in streams]
        assert first[0] == "changed"
        assert all(other == first for other in others)
        assert len([each for each in asked if "count(*)" in each]) == 1
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]
        assert pages._looking is not None
        await pages._looking
        assert corridor.ward.engine.pool.checkedout() == 0  # type: ignore[attr-defined]

    corridor.watched(script)


def test_a_database_that_is_away_for_a_while_loses_no_change(
    corridor: Corridor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    async def script(pages: Live) -> None:
        stream = await opened(pages, corridor.watcher())
        with monkeypatch.context() as away:

            def failing(*_: object) -> Any:
                raise OperationalError("SELECT", {}, Exception("away"))

            away.setattr(changes, "since", failing)
            taken = corridor.take()
            assert await anext(stream) == KEEPALIVE_COMMENT
        _, content = await told(stream)
        assert list(content["changed"]) == [taken]

    corridor.watched(script)


def test_a_row_is_fetched_anew_without_its_person_counting_as_there_and_stands_in_the_audit(
    ward: Ward, desk: FrontDesk
) -> None:
    desk.account("adams")
    ward.feed([person("p1", name=[{"family": "Abel"}]), *persistent("p1")])
    ward.feed([person("p2", name=[{"family": "Cole"}]), *persistent("p2")], "annex")
    (own,), (foreign,) = ward.alerts(), ward.alerts("annex")
    browser = desk.at()
    desk.later(minutes=20)
    address = f"/worklist/rows?alert={own.id}&alert={foreign.id}&alert=nonsense"
    answer = browser.get(address, headers={"liverwatch-unattended": "true"})
    assert f'id="alert-{own.id}"' in answer.text
    assert "Abel" in answer.text
    assert "Cole" not in answer.text
    ((actor, _, detail),) = ward.audited("read-worklist")
    assert (actor, detail["alerts"]) == ("user:adams", [str(own.id)])
    desk.later(minutes=20)
    assert browser.get("/worklist/rows", headers={"hx-request": "true"}).status_code == 401
