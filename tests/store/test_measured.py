"""What measures count is found by an index: a period costs what it holds, whatever else is stored."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event

from service.store.measured import observations_stored
from service.store.resources import Version, add_older, digest_of
from service.store.session import reading, writing

UNTIL = datetime(2026, 6, 30, tzinfo=UTC)


def test_of_the_versions_that_are_superseded_those_of_a_period_are_found_by_an_index(engine: Engine) -> None:
    older = []
    for hours in range(3000):
        at = UNTIL - timedelta(hours=hours + 1)
        digest = digest_of(str(hours).encode())
        older.append((Version(f"Observation/o{hours}", None, "1", at, at, digest, "live", 1, "feed"), 2))
    with writing(engine) as connection:
        add_older(connection, 1, older)
    said: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "FROM superseded LEFT" in statement:
            said.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    with reading(engine) as connection:
        assert len(list(observations_stored(connection, [1], UNTIL - timedelta(days=1), UNTIL))) == 24
    event.remove(engine, "before_cursor_execute", note)
    ((statement, parameters),) = said
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with reading(engine) as connection:
        plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters))
    assert "ix_superseded_fed_or_found" in plan
