"""Signatures of notifications: HMAC-SHA256 with a secret that only the EHR and this service know.

What is signed, by the setting `signed` of a source:

- `body`: the body. The header (X-Signature unless another is named) holds the signature in hexadecimal or
  base64, plain or after `sha256=`: Medplum, and whatever signs as GitHub's webhooks do.
- `timestamp`: Unix seconds, a full stop and the body; the header says `t=...,v1=...`, with a `v1` for each
  secret in use.
- `standard-webhooks`: id, Unix seconds and body, with full stops between, as Standard Webhooks 1.0 says; the
  headers are webhook-id, webhook-timestamp and webhook-signature.

The body is signed as it was received, byte for byte; one with a Content-Encoding is not taken at all. Method,
address and other headers are never signed: what only they say is dealt with in `pointing`.
"""

import hashlib
import hmac
import re
import time
from base64 import b64decode
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from starlette.datastructures import Headers

from service.errors import ConfigurationError, Unauthenticated
from service.store.messages import Message
from service.store.source_settings import SHORTEST_SECRET, SourceSettings

HEADER: Final = "X-Signature"
WINDOW_SECONDS: Final = 300
"""How far the signed time may be from ours, either way: what Standard Webhooks recommends."""

_HEX: Final = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{43}=")
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_SCHEME: Final = "sha256="
_WEBHOOK_SECRET: Final = "whsec_"  # noqa: S105 - how such secrets begin


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request's headers say of its signature, before its body is read."""

    signatures: tuple[bytes, ...] = field(repr=False)
    """One for each secret that the sender has in use."""
    before: bytes = b""
    """What is signed in front of the body."""
    seconds: int | None = None
    """Unix time of sending; None where no time is signed."""

    def holds(self, body: bytes, keys: Collection[bytes]) -> bool:
        """Whether one of these keys made one of the signatures, compared in constant time."""
        made = [_signed(key, self.before, body) for key in keys]
        return any(hmac.compare_digest(one, other) for one in made for other in self.signatures)

    def message(self, source_id: int, body: bytes, beside: Sequence[str]) -> Message | None:
        """What counts once; None where no time is signed, for then nothing tells a repetition.

        It is the signed content and not the signature, of which there may be one for each secret. An id alone
        would not do: what a careless sender says under an old id would be lost.

        Args:
            source_id: whose feed it is; others may have the same secret.
            body: as it was received.
            beside: what the request says outside the body. Two deletions within a second have the same
                body and time, and are two messages.
        """
        if self.seconds is None:
            return None
        content = hashlib.sha256(b"%d\n%d\n%d\n" % (source_id, len(self.before), len(body)))
        for part in (self.before, body, *(f"\n{each}".encode() for each in beside)):
            content.update(part)
        expires = datetime.fromtimestamp(self.seconds + 2 * WINDOW_SECONDS, UTC)
        return Message(content.hexdigest(), expires)


def claimed(headers: Headers, settings: SourceSettings) -> Claim:
    """What the headers say of the signature that the settings ask for.

    Raises:
        Unauthenticated: there is none, or several, or none that can be read; or its time is not the present.
    """
    if settings.signed == "standard-webhooks":
        return _of_standard_webhooks(headers)
    header = settings.signature_header or HEADER
    value = _only(headers, header)
    if settings.signed == "timestamp":
        return _with_timestamp(value, header)
    signature = _decoded(value.removeprefix(_SCHEME))
    if signature is None:
        raise Unauthenticated(f"{header}: an HMAC-SHA256 in hexadecimal or base64 is expected")
    return Claim((signature,))


def keys_of(settings: SourceSettings) -> tuple[bytes, ...]:
    """The keys that signatures may be made with: the newest, and the one before it while it is changed.

    Raises:
        ConfigurationError: they cannot be read.
    """
    secrets = settings.signing_secrets()
    if settings.signed != "standard-webhooks":
        return tuple(each.encode() for each in secrets)
    try:
        keys = tuple(b64decode(each.removeprefix(_WEBHOOK_SECRET), validate=True) for each in secrets)
    except ValueError:
        raise ConfigurationError("signing_secret: whsec_ and base64 are expected") from None
    if any(len(each) < SHORTEST_SECRET for each in keys):
        raise ConfigurationError(f"signing_secret: at least {SHORTEST_SECRET} bytes in base64 are expected")
    return keys


def _with_timestamp(value: str, header: str) -> Claim:
    parts = [each.strip().partition("=") for each in value.split(",")]
    times = [text for name, _, text in parts if name == "t"]
    given = [_decoded(text) for name, _, text in parts if name == "v1"]
    signatures = tuple(each for each in given if each is not None)
    if len(times) != 1 or not signatures:
        raise Unauthenticated(f"{header}: t=(Unix seconds),v1=(an HMAC-SHA256) is expected")
    return Claim(signatures, f"{times[0]}.".encode(), _present(times[0], header))


def _of_standard_webhooks(headers: Headers) -> Claim:
    id_, sent, value = (_only(headers, f"webhook-{each}") for each in ("id", "timestamp", "signature"))
    given = [
        _decoded(text)
        for version, _, text in (each.partition(",") for each in value.split())
        if version == "v1"
    ]
    signatures = tuple(each for each in given if each is not None)
    if not signatures:
        raise Unauthenticated("webhook-signature: v1,(an HMAC-SHA256 in base64) is expected")
    before = f"{id_}.{sent}.".encode("latin-1")  # the bytes that came: headers are read as Latin-1
    return Claim(signatures, before, _present(sent, "webhook-timestamp"))


def _only(headers: Headers, name: str) -> str:
    values = headers.getlist(name)
    if len(values) != 1 or not values[0].strip():
        raise Unauthenticated(f"this feed takes only what is signed: {name} is expected, once")
    return values[0].strip()


def _decoded(text: str) -> bytes | None:
    """The 32 bytes of a signature in hexadecimal or base64; None where it is neither."""
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    return b64decode(text) if _BASE64.fullmatch(text) else None


def _present(text: str, header: str) -> int:
    """Unix seconds that are about now."""
    if not _SECONDS.fullmatch(text) or abs(time.time() - int(text)) > WINDOW_SECONDS:
        raise Unauthenticated(
            f"{header}: it was not signed within {WINDOW_SECONDS} seconds of now; sign it anew"
        )
    return int(text)


def _signed(key: bytes, before: bytes, body: bytes) -> bytes:
    made = hmac.new(key, before, hashlib.sha256)
    made.update(body)
    return made.digest()
