"""The worklist with 20,000 open alerts, as a ratio to counting them along an index in the same run."""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from statistics import median
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, select, text

from service.alerts.alert import State
from service.clinical.causes.cause import Cause, CauseName, Evidence
from service.clinical.episodes import Family, Tier
from service.store import alerts, names, sources, worklist
from service.store.rows import insert_rows
from service.store.schema import alert, patient
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from service.store.worklist import Place, Wanted
from tests.fhir.alert_examples import alert as an_alert

ALERTS = 20_000
PAGE = 51
TIMES = 15
NOW = datetime(2024, 9, 1, 8, tzinfo=UTC)
CAUSES = (CauseName.DRUG, CauseName.ALCOHOL, CauseName.FATTY_LIVER)
COLUMNS = (
    *("id", "patient_id", "source_id", "family", "state", "tier", "created", "updated", "revision"),
    *("place", "owner", "cause", "content", "last_result"),
)

WANTED: dict[str, Wanted] = {
    "nothing": Wanted(),
    "urgent": Wanted(tier=Tier.URGENT),
    "routine": Wanted(tier=Tier.ROUTINE),
    "family": Wanted(family=Family.BILIRUBIN),
    "to do": Wanted(states=(State.OPEN, State.TAKEN)),
    "an owner": Wanted(owners=frozenset({"Nurse 3"})),
    "nobody": Wanted(unowned=True),
    "cause": Wanted(cause=CauseName.ALCOHOL),
    "under 18": Wanted(born_after=date(2006, 9, 1)),
    "none at all": Wanted(tier=Tier.URGENT, family=Family.FOLLOW_UP, owners=frozenset({"Nobody"})),
}


def fill(engine: Engine) -> int:
    chance = random.Random(1)
    born = [date(1930, 1, 1) + timedelta(days=chance.randrange(33_000)) for _ in range(ALERTS)]
    with writing(engine) as connection:
        source_id = sources.add(connection, "clinic", SourceSettings(), "secret", NOW).id
        columns = ("id", "source_id", "fhir_id", "public_id", "revision", "judged_revision", "read_digest")
        rows = [
            (n, source_id, f"p{n}", UUID(int=n), 1, 1, "", False, born[n - 1]) for n in range(1, ALERTS + 1)
        ]
        insert_rows(connection, patient, (*columns, "deceased", "birth_date"), rows)
        said = {n: ([f"Family{n % 900}, Given{n}"], "") for n in range(1, ALERTS + 1)}
        names.state(connection, said)
        insert_rows(connection, alert, COLUMNS, [_row(n, source_id, chance) for n in range(1, ALERTS + 1)])
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    return source_id


def _row(n: int, source_id: int, chance: random.Random) -> tuple[object, ...]:
    of = an_alert()
    tier = chance.choice([Tier.URGENT, *[Tier.SOON] * 4, *[Tier.ROUTINE] * 15])
    state = chance.choice([State.OPEN, State.OPEN, State.TAKEN, State.SNOOZED])
    cause = chance.choice(CAUSES)
    plan = replace(of.episode.plan, causes=(Cause(cause, speaks_for=(Evidence("a thing on record " * 40),)),))
    since = date(2024, 8, 20) - timedelta(days=chance.randrange(900))
    episode = replace(of.episode, tier=tier, alerts_from=since, plan=plan)
    owner = f"Nurse {chance.randrange(12)}" if state is State.TAKEN else None
    family = chance.choice(list(Family))
    made = replace(
        of, id=UUID(int=n), subject=n, tier=tier, state=state, owner=owner, family=family, episode=episode
    )
    content = (alerts.place_of(made), owner, cause.value, alerts.encode(made), episode.last_result)
    return (made.id, n, source_id, family.value, state.value, int(tier), NOW, NOW, 1, *content)


def milliseconds(work: Callable[[], object]) -> float:
    work()
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return median(took)


@pytest.mark.bench
@pytest.mark.timeout(300)
def test_a_page_of_twenty_thousand_alerts_costs_little_more_than_counting_them(engine: Engine) -> None:
    """Aim: a page and its counts under 100 ms whatever is asked for; the bound is a ratio."""
    source_id = fill(engine)
    print(f"\n{engine.dialect.name}, {ALERTS} alerts")
    with reading(engine) as connection:
        counted = select(func.count(alert.c.owner)).where(alert.c.place > "")
        floor = milliseconds(lambda: connection.execute(counted).scalar_one())
        print(f"counting along the index: {floor:.1f} ms")
        ratios: dict[str, float] = {}
        for name, wanted in WANTED.items():
            page = milliseconds(lambda w=wanted: worklist.page(connection, [source_id], w, PAGE))  # type: ignore[misc]
            counts = milliseconds(lambda w=wanted: worklist.count(connection, [source_id], w))  # type: ignore[misc]
            ratios[name] = (page + counts) / floor
            print(f"{name:<13} page {page:6.1f} ms, counts {counts:6.1f} ms, {ratios[name]:5.1f} × the floor")
        views = [([source_id], wanted) for wanted in WANTED.values()]
        took = milliseconds(lambda: worklist.totals(connection, views))
        ratios["views"] = took / floor
        print(f"the counts of {len(views)} saved views {took:.1f} ms, {ratios['views']:.1f} × the floor")
        for words in ("given1234", "nobody is called so", "12345"):
            took = milliseconds(lambda w=words: worklist.named(connection, [source_id], w))  # type: ignore[misc]
            ratios[words] = took / floor
            print(f"a search {took:6.1f} ms, {ratios[words]:5.1f} × the floor")
        deep = worklist.page(connection, [source_id], Wanted(), ALERTS - 100)[-1].place
        last = milliseconds(lambda: worklist.page(connection, [source_id], Wanted(), PAGE, Place(*deep)))
        print(f"the last page {last:.1f} ms")
    assert max(ratios.values()) < 120
    assert last < 30 * floor
