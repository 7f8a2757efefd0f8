"""The people around the story: a made-up population with years of results, some alerts decided about."""

import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, func, select

from service.clinical.episodes import Tier
from service.demo.nurses import decide
from service.ingest import Rules
from service.ingest.escalating import escalate
from service.loading import Loader, find_files
from service.population import population, write
from service.store import sources
from service.store.schema import alert, to_act_on
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from service.store.sources import Source

SOURCE: Final = "demo-clinic"
"""A source of its own, which is not written to: the story's EHR holds nothing of it."""
PATIENTS: Final = 300
_SEED: Final = 1
_CONTACTS: Final = ("Dr Selma Quillstead", "Dr Pavel Ashmere")
_BEFORE: Final = timedelta(hours=7)
"""How long ago its alerts were raised: the urgent ones that nobody has taken since are overdue."""


@dataclass(frozen=True, slots=True)
class Clinic:
    """What was put in."""

    patients: int
    results: int
    unusable: int
    """Results in quarantine: deliberately bad ones."""
    tiers: dict[str, int]
    """Open alerts by tier, the most urgent first."""
    states: dict[str, int]
    """All alerts by state, the most frequent first."""


def fill(engine: Engine, rules: Rules) -> Clinic:
    """Make the population, load it as `liverwatch load` does, and let invented nurses decide.

    Args:
        engine: the demo's database.
        rules: what records are judged by.
    """
    now = datetime.now(UTC)
    with writing(engine) as connection:
        settings = SourceSettings(contacts=_CONTACTS)
        source = sources.add(connection, SOURCE, settings, sources.new_secret(), now)
    with tempfile.TemporaryDirectory(prefix="liverwatch-clinic-") as folder:
        written = write(population(_SEED, PATIENTS, now.date()), Path(folder))
        loader = Loader(engine, source, rules, clock=lambda: now - _BEFORE)
        summary = loader.load(find_files([Path(folder)]))
    decide(engine, source, rules, now - _BEFORE, now)
    escalate(engine, rules, now)  # sweeps leave it out on the story's clock, which is that of old data
    tiers, states = _alerts(engine, source)
    quarantined = sum(summary.of("quarantined").values())
    return Clinic(PATIENTS, written["Observation"], quarantined, tiers, states)


def _alerts(engine: Engine, source: Source) -> tuple[dict[str, int], dict[str, int]]:
    grouped = (
        select(alert.c.tier, alert.c.state, func.count().label("number"))
        .where(alert.c.source_id == source.id)
        .group_by(alert.c.tier, alert.c.state)
    )
    with reading(engine) as connection:
        every = connection.execute(grouped).all()
        standing = connection.execute(grouped.where(to_act_on)).all()
    states: Counter[str] = Counter()
    tiers: Counter[int] = Counter()
    for row in every:
        states[row.state] += row.number
    for row in standing:
        tiers[row.tier] += row.number
    by_tier = {tier.name.lower(): tiers[int(tier)] for tier in reversed(Tier)}
    return by_tier, dict(states.most_common())
