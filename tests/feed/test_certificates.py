"""A source that comes with a client certificate: believed as known proxies tell it, and of nobody else."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError
from sqlalchemy import Engine
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from service.store import sources
from service.store.session import writing
from service.store.source_settings import SourceSettings
from tests.feed.sending import BEARER, FEED, check_refused, kept, observation
from tests.feed.serving import serving
from tests.feed.signing import SIGNING, medplum

NAME = "CN=ehr.hospital.test,O=Hospital\\2C Inc"
NEXT = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"
PROXY = "10.1.2.3"
TOLD = {"X-Client-Certificate": NAME}

From = Callable[..., TestClient]


@pytest.fixture
def guarded(hospital: Engine) -> Engine:
    with writing(hospital) as connection:
        sources.change(connection, "hospital", SourceSettings(certificates=(NAME, NEXT)))
    return hospital


@pytest.fixture
def connecting(hospital: Engine) -> Iterator[From]:
    """The service, as reached from an address of the test's choice."""
    with ExitStack() as running:

        def connect(address: str = PROXY, **more: Any) -> TestClient:
            chosen = {
                "settle_seconds": 0,
                "sweep_seconds": 3600,
                "proxies": ["10.1.0.0/16", "fd00::7"],
                **more,
            }
            app = create_app(Settings.model_validate(chosen), hospital)
            return running.enter_context(TestClient(app, client=(address, 50000)))

        yield connect


def post(client: httpx2.Client, headers: Any) -> int:
    return client.post(FEED, json=observation(), headers=headers).status_code


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("address", [PROXY, "10.1.255.255", "fd00::7", "::ffff:10.1.2.3"])
@pytest.mark.parametrize("name", [NAME, NEXT, f" {NAME} "])
def test_what_a_known_proxy_tells_is_believed(connecting: From, address: str, name: str) -> None:
    assert post(connecting(address), {"X-Client-Certificate": name}) == 200


@pytest.mark.parametrize(
    "address",
    ["10.2.0.1", "127.0.0.1", "fd00::8", "::1", "testclient", "", "10.1.2.3.evil.test", "0xa010203"],
)
def test_what_anybody_else_tells_is_not(connecting: From, guarded: Engine, address: str) -> None:
    forged = {**TOLD, **BEARER, "X-Forwarded-For": PROXY, "X-Real-IP": PROXY, "Forwarded": f"for={PROXY}"}
    answer = connecting(address).post(FEED, json=observation(), headers=forged)
    assert NAME not in check_refused(answer, 401)
    assert kept(guarded) == {}


def test_where_no_proxy_is_known_nothing_is_believed(connecting: From, guarded: Engine) -> None:
    assert post(connecting(proxies=[]), TOLD) == 401
    assert kept(guarded) == {}


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [*BEARER.items()],
        [("X-Client-Certificate", "")],
        [("X-Client-Certificate", "CN=ehr.hospital.test")],
        [("X-Client-Certificate", NAME.lower())],
        [("X-Client-Certificate", f"{NAME}x")],
        [("X-Client-Certificate", f"{NAME}, {NAME}")],
        [("X-Client-Certificate", "CN=\xfcnknown".encode())],
        [*TOLD.items(), *TOLD.items()],
        [*TOLD.items(), ("x-client-certificate", "CN=other")],
        [("X-Client-Certificate", ""), *TOLD.items()],
        [("X_Client_Certificate", NAME)],
        [("X-Client-Cert", NAME)],
    ],
)
def test_without_one_certificate_of_the_sources_nothing_is_taken(
    connecting: From, guarded: Engine, headers: list[tuple[str, str]]
) -> None:
    client = connecting()
    place = f"{FEED}/Observation/o1"
    assert post(client, headers) == 401
    assert client.put(place, json=observation(), headers=headers).status_code == 401
    assert client.delete(place, headers=headers).status_code == 401
    assert kept(guarded) == {}


@pytest.mark.usefixtures("guarded")
def test_the_header_is_the_one_that_the_settings_name(connecting: From) -> None:
    client = connecting(certificate_header="Ssl-Client-Fingerprint")
    assert post(client, TOLD) == 401
    assert post(client, {"ssl-client-fingerprint": NEXT}) == 200


def test_a_source_without_certificates_takes_no_heed_of_the_header(connecting: From) -> None:
    client = connecting()
    assert post(client, TOLD) == 401
    assert post(client, [*BEARER.items(), *TOLD.items(), *TOLD.items()]) == 200


def test_a_certificate_opens_no_other_source(connecting: From, guarded: Engine) -> None:
    with writing(guarded) as connection:
        other = SourceSettings(certificates=("CN=clinic",))
        sources.add(connection, "clinic", other, "made-up-secret", datetime.now(UTC))
    client = connecting()
    assert client.post("/feeds/clinic", json=observation(), headers=TOLD).status_code == 401
    told = {"X-Client-Certificate": "CN=clinic"}
    assert client.post("/feeds/clinic", json=observation(), headers=told).status_code == 200


def test_a_source_that_signs_as_well_needs_both(connecting: From, hospital: Engine, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SIGNING)
    chosen = SourceSettings(certificates=(NAME,), signed="body", signing_secret_file=str(tmp_path / "secret"))
    with writing(hospital) as connection:
        sources.change(connection, "hospital", chosen)
    client, body = connecting(), json.dumps(observation()).encode()
    for headers in (TOLD, medplum(body), {**BEARER, **medplum(body)}, {**TOLD, **medplum(b"{}")}):
        assert client.post(FEED, content=body, headers=headers).status_code == 401
    assert kept(hospital) == {}
    assert client.post(FEED, content=body, headers={**TOLD, **medplum(body)}).status_code == 200
    deleted = {**TOLD, **medplum(b"{}"), "X-Medplum-Deleted-Resource": "Observation/o1"}
    assert client.post(FEED, content=b"{}", headers=deleted).status_code == 200
    assert kept(hospital)["Observation/o1"][1] == "deleted"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("proxy", "claimed", "expected"), [("10.1.2.3", PROXY, 401), ("127.0.0.1", "203.0.113.9", 200)]
)
def test_the_running_service_goes_by_the_connections_address_and_no_header(
    tmp_path: Path, proxy: str, claimed: str, expected: int
) -> None:
    guarded = {"name": "hospital", "certificates": [NAME]}
    url = f"sqlite:///{tmp_path / 'liverwatch.db'}"
    with serving(url, source=guarded, proxies=json.dumps([proxy])) as served, served.client() as client:
        assert post(client, {**TOLD, "X-Forwarded-For": claimed}) == expected


@pytest.mark.parametrize(
    "wrong", [{"proxies": ["10.0.0.1/8"]}, {"proxies": ["proxy"]}, {"certificate_header": "X Client"}]
)
def test_proxies_that_are_no_addresses_and_headers_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)
