"""The keys this service signs with, each in a file of its own that only it may read.

A private key is made here and never leaves: not into the database, a log, an error or a `repr`. The public
halves are what `/.well-known/jwks.json` shows.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from service.errors import ConfigurationError, Conflict, NotFound

Algorithm = Literal["ES384", "RS384"]
"""What SMART Backend Services ask a client to be able to sign with (SMART App Launch 2.2, section 5.1)."""
ALGORITHMS: Final[tuple[Algorithm, ...]] = get_args(Algorithm)

MOST_AT_ONCE: Final = 2
"""Keys of one algorithm: one in use, and the one that takes its place."""
_CURVE: Final = "P-384"
_RSA_BITS: Final = 3072
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class _Kept(msgspec.Struct, frozen=True):
    """What a key file holds."""

    algorithm: Algorithm
    created: datetime
    jwk: dict[str, str]


@dataclass(frozen=True, slots=True)
class Key:
    """One key, valid until it is retired."""

    id: str
    """Its `kid`: the thumbprint of RFC 7638."""
    algorithm: Algorithm
    created: datetime
    _secret: ECKey | RSAKey = field(repr=False)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A signed JWT of those claims."""
        header = {"alg": self.algorithm, "kid": self.id}
        return jwt.encode(header, dict(claims), self._secret, algorithms=[self.algorithm])

    @property
    def public(self) -> dict[str, Any]:
        """Its public half as a JWK."""
        shown = {"kid": self.id, "alg": self.algorithm, "use": "sig", "key_ops": ["verify"]}
        return {**self._secret.as_dict(private=False), **shown}


def new_key(directory: Path, algorithm: Algorithm, now: datetime) -> Key:
    """Make a key and keep it in a file that only this user may read.

    Raises:
        Conflict: there are two of that algorithm.
        ConfigurationError: the file cannot be written, or another one there cannot be read.
    """
    if len([each for each in keys_in(directory) if each.algorithm == algorithm]) >= MOST_AT_ONCE:
        raise Conflict(f"there are {MOST_AT_ONCE} {algorithm} keys: retire one first")
    secret = ECKey.generate_key(_CURVE) if algorithm == "ES384" else RSAKey.generate_key(_RSA_BITS)
    key = Key(secret.thumbprint(), algorithm, now, secret)
    jwk = {name: value for name, value in secret.as_dict(private=True).items() if isinstance(value, str)}
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(
            os.open(_file(directory, key.id), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        ) as file:
            file.write(msgspec.json.encode(_Kept(algorithm, now, jwk)))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigurationError(f"{directory}: no key can be kept there ({error.strerror})") from None
    return key


def keys_in(directory: Path | None) -> list[Key]:
    """Every key that is valid, the oldest first; none where there is no directory yet.

    Raises:
        ConfigurationError: a file there cannot be read, is no key, or may be read by others.
    """
    if directory is None or not directory.is_dir():
        return []
    return sorted((_read(path) for path in directory.glob("*.json")), key=lambda key: (key.created, key.id))


def key_named(directory: Path | None, key_id: str | None) -> Key:
    """The key of that id; without one the oldest, which the EHR knows longest.

    Raises:
        ConfigurationError: there is none.
    """
    found = [each for each in keys_in(directory) if key_id in (None, each.id)]
    if not found:
        which = f"{key_id!r} " if key_id else ""
        raise ConfigurationError(f"there is no key {which}to sign with: see `liverwatch keys list`")
    return found[0]


def retire(directory: Path, beginning: str) -> Key:
    """Destroy the key whose id begins so: what it signed is accepted no more once EHRs ask for our keys.

    Raises:
        NotFound: none, or more than one, begins so.
        ConfigurationError: its file cannot be deleted.
    """
    found = [each for each in keys_in(directory) if beginning and each.id.startswith(beginning)]
    if len(found) != 1:
        raise NotFound(f"{len(found) or 'no'} keys begin so: see `liverwatch keys list`")
    try:
        _file(directory, found[0].id).unlink()
    except OSError as error:
        raise ConfigurationError(f"the key's file cannot be deleted ({error.strerror})") from None
    return found[0]


def public_set(directory: Path | None) -> dict[str, Any]:
    """The JWK Set of the public halves."""
    return {"keys": [each.public for each in keys_in(directory)]}


def _file(directory: Path, key_id: str) -> Path:
    return directory / f"{key_id}.json"


def _read(path: Path) -> Key:
    # Whatever is wrong with a key file, what stands in it is not told.
    try:
        if os.name == "posix" and path.stat().st_mode & _OTHERS:
            raise ConfigurationError(f"{path}: others may read this key; set its mode to 0600")
        kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
        kind = ECKey if kept.algorithm == "ES384" else RSAKey
        secret = kind.import_key(dict(kept.jwk))
        if not secret.is_private or (isinstance(secret, ECKey) and secret.curve_name != _CURVE):
            raise ConfigurationError(f"{path}: not a private key of its algorithm")
        return Key(secret.thumbprint(), kept.algorithm, kept.created, secret)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, JoseError, ValueError, TypeError, KeyError):
        raise ConfigurationError(f"{path}: not a key of ours") from None
