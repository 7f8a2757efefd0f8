"""A database says by what it was judged, so that nobody goes on by something else unawares."""

from dataclasses import replace

import pytest

from service.clinical.rulebook import Rulebook, load_rulebook, parse_rulebook
from service.errors import Conflict
from service.ingest import check_agreement, rejudge
from service.store import sources
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.ingest.feeding import Feed, observation, persistent


def another() -> Rulebook:
    return parse_rulebook(load_rulebook().text.replace('version = "2026.1"', 'version = "2031.4"'))


def refusal(feed: Feed) -> str:
    with reading(feed.engine) as connection, pytest.raises(Conflict) as refused:
        check_agreement(connection, feed.rules)
    return refused.value.message


def agree(feed: Feed) -> None:
    with reading(feed.engine) as connection:
        check_agreement(connection, feed.rules)


def test_an_empty_database_agrees_with_everybody(feed: Feed) -> None:
    agree(feed)


def test_whoever_judged_it_may_go_on_also_after_a_change_of_a_sources_zone(feed: Feed) -> None:
    feed.send(*persistent())
    agree(feed)
    with writing(feed.engine) as connection:
        feed.source = sources.change(connection, feed.name, SourceSettings(zone="Europe/Vienna"))
    agree(feed)


def test_another_clock_is_refused_with_both_named_until_everything_is_judged_anew(feed: Feed) -> None:
    feed.send(*persistent())
    feed.rules = replace(feed.rules, clock="data")
    told = refusal(feed)
    assert "as of now (clock system)" in told
    assert "as of each patient's newest result (clock data)" in told
    assert "LIVERWATCH_CLOCK" in told
    assert "liverwatch rejudge" in told
    assert "LIVERWATCH_RULEBOOK" not in told
    rejudge(feed.engine, feed.rules, feed.now)
    agree(feed)


def test_another_rulebook_is_refused_with_both_named(feed: Feed) -> None:
    feed.send(*persistent())
    feed.rules = replace(feed.rules, rulebook=another())
    told = refusal(feed)
    assert f"2026.1 ({load_rulebook().digest[:12]})" in told
    assert f"2031.4 ({another().digest[:12]})" in told
    assert "LIVERWATCH_RULEBOOK" in told
    assert "--clock" not in told


def test_half_a_rejudgement_is_another_basis_still(feed: Feed) -> None:
    feed.send(*persistent("p1"))
    feed.rules = replace(feed.rules, clock="data")
    feed.send(observation("x", "p2"))
    assert "clock system" in refusal(feed)
    feed.rules = replace(feed.rules, clock="system")
    assert "clock data" in refusal(feed)


def test_what_was_stored_and_never_judged_is_said_not_to_be_on_record(feed: Feed) -> None:
    feed.send(observation("x"), judged=False)
    agree(feed)
    feed.rules = replace(feed.rules, clock="data")
    assert "not on record" in refusal(feed)
