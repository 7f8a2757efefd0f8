"""Whether everybody was judged by the rules of now: remembered for a while, and of one rulebook alone."""

from sqlalchemy import Engine

from service.backlog import RejudgingMemory
from service.ingest import Rules
from service.store.session import reading
from tests.ingest.feeding import Feed, persistent
from tests.ingest.feeding import patient as person
from tests.quality.trying import GUIDELINE


def test_another_rulebook_is_asked_about_at_once(engine: Engine) -> None:
    feed, memory = Feed(engine), RejudgingMemory()
    feed.send(person("p1"), *persistent("p1"))
    with reading(engine) as connection:
        assert not memory.rejudging(connection, feed.rules)
        assert memory.rejudging(connection, Rules(GUIDELINE))
