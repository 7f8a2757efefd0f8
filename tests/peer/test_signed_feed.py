"""A server in Node that signs as Medplum does: what it signs holds, and nothing else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from service.app import create_app
from service.settings import Settings
from service.store import sources
from service.store.session import writing
from service.store.source_settings import SourceSettings
from tests.feed.sending import BEARER, FEED, SECRET, kept, observation, values
from tests.feed.serving import serving_here
from tests.feed.signing import NEXT, SIGNING
from tests.peer.lossy_feed import LossyFeed
from tests.peer.strict_server import strict_server
from tests.simulated_ehr.serving_here import until

pytestmark = [pytest.mark.peer, pytest.mark.slow]

SIGNED_WITH = "https://www.medplum.com/fhir/StructureDefinition/subscription-secret"


def test_what_it_signs_is_taken_and_what_it_signs_for_another_is_not(
    peer_directory: Path, engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(SIGNING)
    chosen = SourceSettings(signed="body", signing_secret_file=str(tmp_path / "secret"))
    with writing(engine) as connection:
        sources.add(connection, "hospital", chosen, SECRET, datetime.now(UTC))
    settings = Settings.model_validate({"settle_seconds": 0, "sweep_seconds": 3600})
    with (
        serving_here(create_app(settings, engine)) as url,
        LossyFeed(f"{url}{FEED}", lose=0, duplicate=0).running() as watched,
        strict_server(peer_directory, PEER_HOOKS="1", PEER_HOOK_STYLE="medplum") as peer,
    ):
        told = {
            "resourceType": "Subscription",
            "status": "active",
            "reason": "liver tests",
            "criteria": "Observation?",
            "channel": {
                "type": "rest-hook",
                "endpoint": watched.url,
                "payload": "application/fhir+json",
                "header": [f"{name}: {value}" for name, value in BEARER.items()],
            },
        }
        signing = {"extension": [{"url": SIGNED_WITH, "valueString": SIGNING}]}
        held = peer.request("POST", "Subscription", {**told, **signing})
        peer.request("PUT", "Patient/p1", {"resourceType": "Patient", "id": "p1"})
        for id_, value in (("o1", 50), ("o2", 60), ("o1", 70)):
            result = observation(id_, value=value, note=[{"text": "µkat/l, Ergebnis für Zoë \U0001f9ea"}])
            peer.request("PUT", f"Observation/{id_}", result)
        until(lambda: watched.seen == 3)
        watched.let_go()
        peer.request("DELETE", "Observation/o2")
        until(lambda: watched.seen == 4)
        watched.let_go()
        assert watched.refused == []
        assert values(engine) == {"o1": "70"}
        other = {"extension": [{"url": SIGNED_WITH, "valueString": NEXT}]}
        peer.request("PUT", f"Subscription/{held['id']}", {**told, **other, "id": held["id"]})
        peer.request("PUT", "Observation/o3", observation("o3"))
        until(lambda: watched.seen == 5)
        watched.let_go()
    assert watched.refused == [401]
    assert "Observation/o3" not in kept(engine)
