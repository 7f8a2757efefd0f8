"""Anybody may read the public keys, and nothing else of them."""

from datetime import UTC, datetime
from pathlib import Path

from service.ehr.keys import new_key, public_set
from service.settings import Settings
from tests.api.reading_room import PUBLIC_URL, ReadingRoom


def test_the_public_keys_are_told_to_anybody(room: ReadingRoom, tmp_path: Path) -> None:
    key = new_key(tmp_path, "ES384", datetime.now(UTC))
    anybody = room.client(None)
    anybody.app.state.settings = Settings(public_url=PUBLIC_URL, keys_directory=tmp_path)  # type: ignore[attr-defined]
    answer = anybody.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.json() == public_set(tmp_path)
    assert [each["kid"] for each in answer.json()["keys"]] == [key.id]
    assert "d" not in answer.json()["keys"][0]
    assert answer.headers["Cache-Control"] == "public, max-age=300"


def test_a_service_without_keys_tells_that_it_has_none(room: ReadingRoom) -> None:
    assert room.client(None).get("/.well-known/jwks.json").json() == {"keys": []}


def test_a_key_file_that_others_may_read_is_not_shown_and_not_named(
    room: ReadingRoom, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    new_key(keys, "ES384", datetime.now(UTC))
    (path,) = keys.iterdir()
    path.chmod(0o644)
    anybody = room.client(None)
    anybody.app.state.settings = Settings(public_url=PUBLIC_URL, keys_directory=keys)  # type: ignore[attr-defined]
    answer = anybody.get("/.well-known/jwks.json")
    assert answer.status_code == 500
    assert str(tmp_path) not in answer.text
