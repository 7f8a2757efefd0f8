"""Rulebooks to try beside the shipped one, and made-up people to try them on."""

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import Engine, select

from service.alerts.placement import GONE
from service.clinical.episodes import Family, Tier
from service.clinical.rulebook import Rulebook, parse_rulebook
from service.ingest import Rules
from service.loading import Loader, ensure_source, find_files
from service.population import population, write
from service.store import alerts
from service.store.schema import alert, patient
from service.store.session import reading

DAY = date(2026, 1, 10)
LOADED = datetime(2026, 1, 12, tzinfo=UTC)


def site(*changes: str) -> Rulebook:
    """The shipped rulebook, changed."""
    lines = [f'{each[:-2]}, citation = "site", tag = "V" }}' for each in changes]
    given = ['version = "site"', 'parent = "2026.1"', *lines, "[citations]", 'site = "Clinic of Example."']
    return parse_rulebook("\n".join(given))


GUIDELINE = site('limits.policy = { value = "guideline" }', "urgent.jaundice.bilirubin = { value = 5 }")
NARROW = site("plausibility.at_most.ALT = { value = 150 }")
"""What is not plausible any more is no result any more."""


def made_up(folder: Path, patients: int) -> Path:
    write(population(7, patients, DAY), folder)
    return folder


def load(engine: Engine, folder: Path, rules: Rules) -> None:
    source, _ = ensure_source(engine, "clinic", LOADED, "test")
    Loader(engine, source, rules, clock=lambda: LOADED).load(find_files([folder]))


def standing(engine: Engine) -> Counter[tuple[str, Family, Tier]]:
    """Whose, of which family and tier every alert is."""
    query = select(alert.c.content, patient.c.fhir_id).join(patient, patient.c.id == alert.c.patient_id)
    with reading(engine) as connection:
        found = [(alerts.decode(row.content), row.fhir_id) for row in connection.execute(query)]
    return Counter((whose, each.family, each.tier) for each, whose in found if each.state not in GONE)
