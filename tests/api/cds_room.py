"""An EHR that calls the CDS service: its keys, its tokens, and the records it has fed."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import Engine, select
from starlette.testclient import TestClient

from service.alerts.alert import Alert, Disposition
from service.api import create_api, install_error_answers
from service.api.cds_keys import KeyRing
from service.clinical.rulebook import load_rulebook
from service.ingest import Rules
from service.loading import Loader, find_files
from service.logs import AccessLog
from service.settings import Settings
from service.store import alerts, sources
from service.store.schema import alert, audit, disposition
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.liver_files import write_lines

PUBLIC_URL = "https://watch.clinic.test"
SERVICE = "/cds-services/liverwatch-patient-view"
FEEDBACK = f"{SERVICE}/feedback"
EHR = "https://ehr.clinic.test/r4"
ISSUER = "https://ehr.clinic.test/"
ANNEX_ISSUER = "https://ehr.annex.test/"
RULES = Rules(load_rulebook(), clock="data")
NOW = datetime(2024, 9, 10, 12, tzinfo=UTC)

EC = ECKey.generate_key("P-384", {"kid": "ec", "use": "sig"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
P256 = ECKey.generate_key("P-256", {"kid": "p256", "use": "sig"})

Json = dict[str, Any]


def key_set(*keys: ECKey | RSAKey) -> bytes:
    """Their public halves."""
    return json.dumps(KeySet(list(keys)).as_dict(private=False)).encode()


def token(
    key: ECKey | RSAKey = EC,
    algorithm: str = "ES384",
    *,
    header: Json | None = None,
    without: str = "",
    aud: Any = f"{PUBLIC_URL}{SERVICE}",
    iss: str = ISSUER,
    **claims: Any,
) -> str:
    """A good one, but for what is said; `without` leaves out a claim or header."""
    now = int(datetime.now(UTC).timestamp())
    said = {"iss": iss, "aud": aud, "iat": now, "exp": now + 300, "jti": str(uuid4()), **claims}
    stated = {"alg": algorithm, "typ": "JWT", "kid": key.kid, **(header or {})}
    said.pop(without, None)
    stated.pop(without, None)
    return jwt.encode(stated, said, key, algorithms=[algorithm])


def call(patient: str = "p1", **more: Any) -> Json:
    """The request for that patient's cards."""
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid4()),
        "context": {"userId": "Practitioner/dr-bo", "patientId": patient},
        **more,
    }


@dataclass
class CdsRoom:
    """The sources `clinic` (its FHIR server known) and `annex`, whose EHRs may both call."""

    engine: Engine
    folder: Path
    settings: Settings = field(default_factory=lambda: Settings(public_url=PUBLIC_URL))
    keys: KeyRing = field(default_factory=KeyRing)

    def __post_init__(self) -> None:
        file = self.folder / "keys.json"
        file.write_bytes(key_set(EC, RSA, P256))
        with writing(self.engine) as connection:
            for name, issuer, url in (("clinic", ISSUER, EHR), ("annex", ANNEX_ISSUER, None)):
                chosen = SourceSettings(fhir_base_url=url, cds_issuer=issuer, cds_jwks=str(file))
                sources.add(connection, name, chosen, "secret", NOW)

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None, redirect_slashes=False)
        app.state.engine, app.state.settings, app.state.rules = self.engine, self.settings, RULES
        app.state.cds_keys = self.keys
        install_error_answers(app)
        app.include_router(create_api())
        app.add_middleware(AccessLog)
        return app

    def client(self) -> TestClient:
        return TestClient(self.app(), base_url=PUBLIC_URL, raise_server_exceptions=False)

    def feed(self, resources: list[Any], source: str = "clinic") -> None:
        """Store and judge what the EHR sends."""
        with reading(self.engine) as connection:
            chosen = sources.by_name(connection, source)
        lines = write_lines(self.folder / "feed.ndjson", resources)
        Loader(self.engine, chosen, RULES, clock=lambda: NOW).load(find_files([lines]))

    def alerts(self) -> list[Alert]:
        with reading(self.engine) as connection:
            found = connection.execute(select(alert.c.content).order_by(alert.c.patient_id))
            return [alerts.decode(content) for content in found.scalars()]

    def dispositions(self) -> list[Disposition]:
        with reading(self.engine) as connection:
            ids = connection.execute(select(disposition.c.id)).scalars().all()
            return alerts.dispositions_of(connection, [UUID(str(each)) for each in ids])

    def audited(self, action: str) -> list[tuple[str, int | None, int | None, Json]]:
        """Actor, source, patient and detail of each audit row of an action."""
        with reading(self.engine) as connection:
            rows = connection.execute(
                select(audit).where(audit.c.action == action).order_by(audit.c.id)
            ).all()
        return [(row.actor, row.source_id, row.patient_id, msgspec.json.decode(row.detail)) for row in rows]


def post(client: TestClient, path: str, body: Any, of: str | None = None) -> Any:
    """The answer to a call with a token: a fresh one unless given."""
    bearer = of if of is not None else token(aud=f"{PUBLIC_URL}{path}")
    return client.post(path, json=body, headers={"Authorization": f"Bearer {bearer}"})


def cards(client: TestClient, patient: str = "p1", **more: Any) -> list[Json]:
    """The cards of a patient."""
    answer = post(client, SERVICE, call(patient, **more))
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["cards"]
    return found
