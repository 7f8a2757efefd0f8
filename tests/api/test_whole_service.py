"""Through the real application: what an EHR sent a moment ago can be read."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from starlette.testclient import TestClient

from service.app import create_app
from service.clinical.work_up import FIRST_LINE
from service.fhir.outgoing import validate_outgoing
from service.settings import Settings
from service.store import readers, sources
from service.store.session import writing
from service.store.source_settings import SourceSettings
from tests.api.reading_room import matches


def alt(number: int, value: float, days_ago: int) -> dict[str, object]:
    return {
        "resourceType": "Observation",
        "id": f"alt-{number}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "1742-6"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(),
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "U/L"},
        "referenceRange": [{"high": {"value": 40, "system": "http://unitsofmeasure.org", "code": "U/L"}}],
    }


def test_an_alert_can_be_read_as_soon_as_the_results_behind_it_are_acknowledged(engine: Engine) -> None:
    now = datetime.now(UTC)
    with writing(engine) as connection:
        sources.add(connection, "clinic", SourceSettings(), "feed-secret", now)
        readers.add(connection, "ward", ["clinic"], "reader-token", now)
    app = create_app(Settings(settle_seconds=0, sweep_seconds=3600), engine)
    feed, reader = {"Authorization": "Bearer feed-secret"}, {"Authorization": "Bearer reader-token"}
    with TestClient(app) as client:
        assert client.get("/fhir/DetectedIssue", headers=feed).status_code == 401
        for number, days_ago in ((2, 10), (1, 250)):  # the repeat first: nothing is ever overdue
            answer = client.post("/feeds/clinic", json=alt(number, 90, days_ago), headers=feed)
            assert answer.status_code == 200
        found = client.post("/fhir/DetectedIssue/_search", data={"patient": "p1"}, headers=reader).json()
        validate_outgoing(found)
        (issue,) = (entry["resource"] for entry in found["entry"])
        assert issue["code"]["coding"][0]["code"] == "persistent-elevation"
        assert issue["status"] == "preliminary"
        steps = client.get("/fhir/ServiceRequest?status=active", headers=reader).json()
        assert {each[37:] for each in matches(steps)} == {*FIRST_LINE, "fib-4-tests", "repeat-hepatic-panel"}
        gone = client.delete("/feeds/clinic/Observation/alt-1", headers=feed)
        assert gone.status_code == 200
        after = client.get(f"/fhir/DetectedIssue/{issue['id']}", headers=reader)
        assert after.json()["status"] == "entered-in-error"
        assert after.headers["etag"] != f'W/"{issue["meta"]["versionId"]}"'
        assert client.get("/health/ready").json()["status"] == "ready"
        assert client.get("/metrics", headers=reader).status_code == 200
        assert client.get("/openapi.json").status_code == 404
