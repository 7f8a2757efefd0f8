"""A client knows its server by the settings of its source; tokens are shared by all that talk to it."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from service.ehr import Connections
from service.ehr.granted import Granted
from service.errors import ConfigurationError
from service.fhir.exchange import Token
from service.store.source_settings import SourceSettings
from service.store.sources import Source
from tests.ehr.authorization_server import BASE


def source(**settings: object) -> Source:
    known = msgspec.structs.replace(SourceSettings(fhir_base_url=BASE), **settings)
    return Source(1, "clinic", known, (), active=True)


def test_a_source_without_a_server_has_no_client() -> None:
    with pytest.raises(ConfigurationError, match="clinic"):
        Connections(None).open(source(fhir_base_url=None), 1.0)


def test_a_token_is_read_anew_for_each_client(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    connections, ward = Connections(None), source(write_token_file=str(file))
    assert connections._credential(ward, BASE).header() == "Bearer first"
    file.write_text("second")
    assert connections._credential(ward, BASE).header() == "Bearer second"
    assert connections._credential(source(auth="none"), BASE) == Token(None)


def test_a_grant_is_shared_until_the_settings_change(tmp_path: Path) -> None:
    connections = Connections(tmp_path)
    ward = source(auth="smart-backend", client_id="liverwatch")
    granted = connections._credential(ward, BASE)
    assert isinstance(granted, Granted)
    assert connections._credential(replace(ward), BASE) is granted
    changed = source(auth="smart-backend", client_id="liverwatch", scopes="system/*.read")
    assert connections._credential(changed, BASE) is not granted


@pytest.mark.parametrize("way", ["smart-backend", "client-secret"])
def test_what_is_missing_is_named(way: str) -> None:
    with pytest.raises(ConfigurationError, match="client_id"):
        Connections(None).open(source(auth=way), 1.0)
