"""The simulated EHR in style medplum signs: a source that asks for it is fed by it, and by nobody else."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine

from service.app import create_app
from service.settings import Settings
from service.simulated_ehr.playing import subscription_for
from service.simulated_ehr.server import Hospital, Options
from service.simulated_ehr.styles import STYLES
from service.store import sources
from service.store.session import writing
from service.store.source_settings import SourceSettings
from tests.feed.sending import FEED, kept, observation, values
from tests.feed.serving import serving_here
from tests.feed.signing import NEXT, SIGNING
from tests.simulated_ehr.serving_here import hospital, until

PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p1"}


@contextmanager
def feeding(engine: Engine, file: Path, known: str) -> Iterator[tuple[httpx2.Client, Hospital]]:
    """An EHR that signs with SIGNING, and feeds a service that knows those secrets."""
    file.write_text(known)
    chosen = SourceSettings(signed="body", signing_secret_file=str(file))
    with writing(engine) as connection:
        sources.add(connection, "hospital", chosen, SIGNING, datetime.now(UTC))
    settings = Settings.model_validate({"settle_seconds": 0, "sweep_seconds": 3600})
    kind = STYLES["medplum"]
    with serving_here(create_app(settings, engine)) as url:
        told = subscription_for(kind, f"{url}{FEED}", SIGNING, "full-resource")
        with hospital(Options(kind, subscriptions=told, give_up_seconds=0)) as (ehr, it):
            ehr.put("Patient/p1", json=PATIENT).raise_for_status()
            yield ehr, it


@pytest.mark.parametrize("known", [SIGNING, f"{NEXT}\n{SIGNING}"])
def test_what_it_signs_arrives_corrections_and_deletions_too(
    engine: Engine, tmp_path: Path, known: str
) -> None:
    with feeding(engine, tmp_path / "secret", known) as (ehr, it):
        for id_, value in (("o1", 50), ("o2", 60), ("o1", 70)):
            ehr.put(f"Observation/{id_}", json=observation(id_, value=value)).raise_for_status()
        until(lambda: values(engine) == {"o1": "70", "o2": "60"})
        ehr.delete("Observation/o2").raise_for_status()
        until(lambda: kept(engine)["Observation/o2"][1] == "deleted")
        assert it.notifier.ledger.given_up == []


def test_what_it_signs_with_another_secret_is_refused(engine: Engine, tmp_path: Path) -> None:
    with feeding(engine, tmp_path / "secret", NEXT) as (ehr, it):
        ehr.put("Observation/o1", json=observation()).raise_for_status()
        refused = ["Patient/p1 version 1", "Observation/o1 version 1"]
        until(lambda: sorted(it.notifier.ledger.given_up) == sorted(refused))
        assert dict(it.notifier.ledger.counts) == {"4xx": 2}
    assert kept(engine) == {}
