"""The outbox: what is wanted, who may send it, and whose word counts."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from service.alerts.alert import Alert
from service.store import outbox, outbox_control, sources
from service.store.outbox import Claim
from service.store.schema import outbox as outbox_table
from service.store.session import reading, writing
from tests.deliver.posting import Post, over
from tests.fhir.alert_examples import ALERT_ID, OTHER_ID, alert, revised
from tests.fhir.fake_server import FakeServer

MINUTE = timedelta(minutes=1)


@pytest.fixture
def post(engine: Engine) -> Post:
    return Post(engine, over(FakeServer().transport))


def settle(post: Post, claim: Claim, revision: int = 1) -> bool:
    with writing(post.engine) as connection:
        return outbox.settle(connection, claim, revision, "{}")


def another(given: Alert, number: int) -> Alert:
    return replace(given, id=UUID(int=number))


def test_changes_that_are_not_urgent_wait_and_coalesce(post: Post) -> None:
    post.want(alert(), settle=15 * MINUTE)
    assert post.claim() == []
    post.later(minutes=10)
    post.want(revised(alert()), settle=15 * MINUTE)
    post.later(minutes=5)
    [claim] = post.claim()
    assert claim.wanted_revision == 2


def test_an_urgent_change_does_not_wait(post: Post) -> None:
    post.want(alert(), settle=15 * MINUTE)
    post.want(revised(alert()))
    assert len(post.claim()) == 1


def test_a_row_that_was_sent_settles_anew(post: Post) -> None:
    post.want(alert())
    assert settle(post, post.claim()[0])
    post.want(revised(alert()), settle=15 * MINUTE)
    assert post.claim() == []
    post.later(minutes=15)
    assert len(post.claim()) == 1


def test_wanting_what_is_sent_already_or_older_changes_nothing(post: Post) -> None:
    post.want(revised(alert()))
    assert settle(post, post.claim()[0], 2)
    post.want(revised(alert()))
    post.want(alert())
    assert not post.line().pending


def test_a_row_belongs_to_one_sender_until_its_lease_ends(post: Post) -> None:
    post.want(alert())
    [first] = post.claim(lease=MINUTE)
    assert post.claim() == []
    post.later(minutes=1)
    [second] = post.claim(lease=MINUTE)
    assert second.token != first.token
    assert second.claimed_before


def test_a_sender_that_lost_its_lease_has_no_say_any_more(post: Post) -> None:
    post.want(alert())
    [slow] = post.claim(lease=MINUTE)
    post.later(minutes=1)
    [quick] = post.claim(lease=MINUTE)
    with writing(post.engine) as connection:
        assert not outbox.settle(connection, slow, 1, "{}")
        assert not outbox.bury(connection, slow, "refused")
        assert not outbox.postpone(connection, slow, post.now, "away")
        assert not outbox.release(connection, slow, post.now)
    assert post.line().pending
    assert settle(post, quick)
    assert not post.line().pending


def test_a_change_wanted_while_the_last_one_is_sent_is_not_lost(post: Post) -> None:
    post.want(alert())
    [claim] = post.claim()
    post.want(revised(alert()))
    assert settle(post, claim, 1)
    [again] = post.claim()
    assert (again.wanted_revision, again.sent_revision) == (2, 1)


def test_a_change_wanted_while_the_last_one_is_refused_is_not_buried_with_it(post: Post) -> None:
    post.want(alert())
    [claim] = post.claim()
    post.want(revised(alert()))
    with writing(post.engine) as connection:
        assert outbox.bury(connection, claim, "refused")
    assert len(post.claim()) == 1


def test_a_dead_letter_rests_until_a_person_or_a_new_revision_revives_it(post: Post) -> None:
    post.want(alert())
    with writing(post.engine) as connection:
        [claim] = outbox.claim(connection, now=post.now, limit=1, lease=MINUTE, sources=[post.source_id])
        outbox.bury(connection, claim, "refused")
    assert post.claim() == []
    with writing(post.engine) as connection:
        assert outbox_control.revive(connection, ALERT_ID, post.now)
    assert len(post.claim()) == 1


def test_a_person_can_stop_what_is_tried_for_ever(post: Post) -> None:
    post.want(alert())
    with writing(post.engine) as connection:
        assert outbox_control.stop(connection, ALERT_ID, "the site asked for it", by="Ada")
        assert not outbox_control.stop(connection, OTHER_ID, "not there", by="Ada")
    assert post.claim() == []
    assert (post.line().last_error, post.line().cancelled_by) == ("the site asked for it", "Ada")


def test_an_alert_that_vanished_unsent_is_forgotten(post: Post) -> None:
    post.want(alert(), settle=15 * MINUTE)
    with writing(post.engine) as connection:
        assert outbox.forget(connection, ALERT_ID)
        assert outbox_control.line(connection, ALERT_ID) is None


def test_one_that_a_sender_has_had_is_not_forgotten(post: Post) -> None:
    post.want(alert())
    [claim] = post.claim()
    with writing(post.engine) as connection:
        assert not outbox.forget(connection, ALERT_ID)
        outbox.postpone(connection, claim, post.now, "dropped")
    post.want(revised(alert()))
    with writing(post.engine) as connection:
        assert not outbox.forget(connection, ALERT_ID)


def test_one_that_was_given_back_untried_may_be_forgotten(post: Post) -> None:
    post.want(alert())
    [claim] = post.claim()
    with writing(post.engine) as connection:
        assert outbox.release(connection, claim, post.now)
        assert outbox.forget(connection, ALERT_ID)


def test_rows_are_claimed_longest_waiting_first_and_by_source(post: Post) -> None:
    for number in (3, 2, 1):
        post.want(another(alert(), number))
        post.later(seconds=1)
    with writing(post.engine) as connection:
        claims = outbox.claim(connection, now=post.now, limit=2, lease=MINUTE, sources=[post.source_id])
        nobody = outbox.claim(connection, now=post.now, limit=2, lease=MINUTE, sources=[])
    assert [claim.alert_id.int for claim in claims] == [3, 2]
    assert nobody == []


def test_the_counts_tell_what_waits_fails_and_is_dead(post: Post) -> None:
    for number in (1, 2, 3):
        post.want(another(alert(), number))
    first, second, _third = post.claim()
    with writing(post.engine) as connection:
        outbox.bury(connection, first, "refused")
        outbox.postpone(connection, second, post.now + MINUTE, "away")
    with reading(post.engine) as connection:
        counts = outbox_control.counts(connection)
        dead = outbox_control.lines(connection, only_dead=True)
        waiting = outbox_control.lines(connection)
    assert (counts.pending, counts.failing, counts.dead) == (2, 1, 1)
    assert counts.oldest_due == post.now
    assert [line.alert_id.int for line in dead] == [1]
    assert len(waiting) == 3


def test_what_a_person_has_cancelled_is_no_dead_letter(post: Post) -> None:
    post.want(alert())
    with writing(post.engine) as connection:
        outbox_control.stop(connection, ALERT_ID, "enough", by="Ada")
    with reading(post.engine) as connection:
        counts = outbox_control.counts(connection)
        dead = outbox_control.lines(connection, only_dead=True)
    assert (counts.pending, counts.dead, counts.cancelled, dead) == (0, 0, 1, [])
    assert post.line().standing is outbox_control.Standing.CANCELLED
    post.want(revised(alert()))
    assert post.line().standing is outbox_control.Standing.WAITING


def test_two_senders_never_hold_the_same_row(postgres_url: str) -> None:
    from service.store.session import open_engine

    engine = open_engine(postgres_url, durable=False)
    post = Post(engine, over(FakeServer().transport))
    for number in range(1, 7):
        post.want(another(alert(), number))
    with writing(engine) as one, writing(engine) as two:
        mine = outbox.claim(one, now=post.now, limit=4, lease=MINUTE, sources=[post.source_id])
        theirs = outbox.claim(two, now=post.now, limit=4, lease=MINUTE, sources=[post.source_id])
    engine.dispose()
    assert len(mine) == 4
    assert {claim.alert_id for claim in mine}.isdisjoint(claim.alert_id for claim in theirs)
    assert len(theirs) == 2


def test_what_stands_is_wanted_once_a_source_is_written_to(post: Post) -> None:
    post.want(alert())
    with writing(post.engine) as connection:
        connection.execute(outbox_table.delete())
        source_id = sources.by_name(connection, "clinic").id
        assert outbox_control.want_standing(connection, source_id, post.now) == 1
    [claim] = post.claim()
    assert (claim.alert_id, claim.wanted_revision) == (ALERT_ID, 1)
