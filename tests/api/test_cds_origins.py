"""Web pages of other sites read nothing, but for the CDS service where a setting names their origin."""

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings, load_settings

ORIGIN = "https://ehr.clinic.test"
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}


def allowed(engine: Engine, settings: Settings, path: str, origin: str = ORIGIN) -> str | None:
    client = TestClient(create_app(settings, engine))
    answer = client.options(path, headers={**PREFLIGHT, "Origin": origin})
    return answer.headers.get("access-control-allow-origin")


def test_no_page_of_another_site_may_call_unless_it_is_named(engine: Engine) -> None:
    assert allowed(engine, Settings(), "/cds-services") is None


def test_a_named_one_may_call_the_cds_service_and_nothing_else(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVERWATCH_CDS_ORIGINS", f'["{ORIGIN}"]')
    settings = load_settings()
    assert allowed(engine, settings, "/cds-services/liverwatch-patient-view") == ORIGIN
    assert allowed(engine, settings, "/cds-services", "https://other.test") is None
    assert allowed(engine, settings, "/fhir/DetectedIssue") is None
