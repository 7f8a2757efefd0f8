"""Keys stay in their files; what is shown of them is their public half."""

import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from service.ehr.keys import ALGORITHMS, Algorithm, key_named, keys_in, new_key, public_set, retire
from service.errors import ConfigurationError, Conflict, NotFound
from tests.ehr.conftest import Clock

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}


def file_of(directory: Path) -> Path:
    (path,) = directory.iterdir()
    return path


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_is_kept_in_a_file_that_only_this_user_may_read(
    directory: Path, clock: Clock, algorithm: Algorithm
) -> None:
    made = new_key(directory, algorithm, clock.now)
    assert stat.S_IMODE(file_of(directory).stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    (read,) = keys_in(directory)
    assert (read.id, read.algorithm, read.created) == (made.id, algorithm, clock.now)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_only_the_public_half_is_shown(directory: Path, clock: Clock, algorithm: Algorithm) -> None:
    key = new_key(directory, algorithm, clock.now)
    kept = json.loads(file_of(directory).read_text())["jwk"]
    secrets = [kept[name] for name in PRIVATE & kept.keys()]
    assert secrets
    (shown,) = public_set(directory)["keys"]
    assert not PRIVATE & shown.keys()
    assert (shown["kid"], shown["alg"], shown["use"]) == (key.id, algorithm, "sig")
    assert not any(secret in text for secret in secrets for text in (repr(key), str(key), str(shown)))


def test_two_keys_are_valid_while_one_takes_the_place_of_the_other(directory: Path, clock: Clock) -> None:
    old = new_key(directory, "ES384", clock.now)
    clock.later(days=1)
    fresh = new_key(directory, "ES384", clock.now)
    assert key_named(directory, None).id == old.id
    assert key_named(directory, fresh.id).id == fresh.id
    assert [each["kid"] for each in public_set(directory)["keys"]] == [old.id, fresh.id]
    with pytest.raises(Conflict, match="retire one first"):
        new_key(directory, "ES384", clock.now)
    clock.later(days=1)
    new_key(directory, "RS384", clock.now)
    assert retire(directory, old.id[:12]).id == old.id
    assert key_named(directory, None).id == fresh.id


def test_a_key_that_is_not_there_is_said_so(directory: Path, clock: Clock) -> None:
    with pytest.raises(ConfigurationError, match="no key to sign with"):
        key_named(directory, None)
    with pytest.raises(ConfigurationError, match="no key to sign with"):
        key_named(None, None)
    new_key(directory, "ES384", clock.now)
    with pytest.raises(ConfigurationError, match="'another'"):
        key_named(directory, "another")
    for beginning in ("", "another"):
        with pytest.raises(NotFound):
            retire(directory, beginning)


def test_a_key_that_others_may_read_is_not_used(directory: Path, clock: Clock) -> None:
    new_key(directory, "ES384", clock.now)
    file_of(directory).chmod(0o640)
    with pytest.raises(ConfigurationError, match="0600"):
        keys_in(directory)


@pytest.mark.parametrize("what", ["{", "[]", "public", "another algorithm", "\udcff"])
def test_a_file_that_is_no_key_tells_nothing_of_itself(directory: Path, clock: Clock, what: str) -> None:
    new_key(directory, "ES384", clock.now)
    path = file_of(directory)
    kept = json.loads(path.read_text())
    secret = kept["jwk"]["d"]
    if what == "public":
        del kept["jwk"]["d"]
        what = json.dumps(kept)
    elif what == "another algorithm":
        what = json.dumps({**kept, "algorithm": "RS384"})
    path.write_bytes(what.encode("utf-8", "surrogateescape") + b" " * 3)
    with pytest.raises(ConfigurationError) as refused:
        keys_in(directory)
    assert path.name in refused.value.message
    assert secret not in refused.value.message
    assert refused.value.__cause__ is None


def test_keys_are_listed_in_the_order_they_were_made(directory: Path, clock: Clock) -> None:
    later = new_key(directory, "ES384", clock.now + timedelta(days=1))
    earlier = new_key(directory, "ES384", clock.now)
    assert [each.id for each in keys_in(directory)] == [earlier.id, later.id]
