"""How one source is read and written to: its settings, and which of them cannot work."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec

from service.errors import ConfigurationError
from service.languages import ENGLISH, LOCALES
from service.store.feed_settings import check_feed
from service.urls import is_guarded

LONGEST_CONTACT = 128
"""Characters of a contact's name, and of an issuer's: both are told of in the audit."""
SHORTEST_SECRET: Final = 16
"""Characters of a secret that a person or another program chose."""
SHORTEST_POLL, LONGEST_POLL = 5, 24 * 3600
"""Seconds between two looks at what a server changed."""
SHORTEST_SILENCE, LONGEST_SILENCE = 60, 30 * 24 * 3600
"""Seconds after which a silent feed may count as stale."""
RECORD_ID: Final = "{id}"
"""Stands for the id of a Patient in the address of a record."""

DEFAULT_SCOPES: Final = " ".join(
    (
        *(f"system/{each}.rs" for each in ("Patient", "Observation", "Condition", "DiagnosticReport")),
        *(f"system/Medication{each}.rs" for each in ("Request", "Statement", "Administration")),
        "system/Procedure.rs",
        *(f"system/{each}.crus" for each in ("DetectedIssue", "ServiceRequest", "CommunicationRequest")),
        *(f"system/{each}.crus" for each in ("Task", "Provenance", "Device")),
        "system/Subscription.cruds",
    )
)
"""What this service reads and writes, as SMART App Launch 2 spells it; older servers know `.read`."""

Authentication = Literal["none", "token", "client-secret", "smart-backend"]


class SourceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one source is read and written to. Holds no secret: those are hashed, or stay in files."""

    zone: str | None = None
    """IANA zone for times that state none; without it such results are quarantined."""
    version_order: Literal["auto", "numeric", "last-updated"] = "auto"
    fhir_base_url: str | None = None
    """Where DetectedIssues are written; None: they are only served from here."""
    write_token_file: str | None = None
    """File that holds the bearer token for writing."""
    write_token_env: str | None = None
    """Environment variable that holds it."""
    auth: Authentication | None = None
    """By what its server knows this service; None: the token, where one is named, and nothing where none is.

    `client-secret` and `smart-backend` (`private_key_jwt`) fetch tokens from the token endpoint.
    """
    token_endpoint: str | None = None
    """None: the one that `.well-known/smart-configuration` below the base URL names, on the same host."""
    client_id: str | None = None
    """What the EHR calls this service."""
    client_secret_file: str | None = None
    """File that holds the client secret."""
    key_id: str | None = None
    """Which of our keys signs; None: the oldest that is valid."""
    scopes: str = DEFAULT_SCOPES
    """What the token is asked for, separated by spaces."""
    contacts: tuple[str, ...] = ()
    """Names of those an urgent alert goes on to, one after the other, while nobody takes it."""
    write: Literal["auto", "none", "bundle", "single"] = "auto"
    """How its server is written to, where there is a `fhir_base_url`.

    `auto`: in transactions and of what types its CapabilityStatement offers; `bundle`, `single`: in
    transactions, or one by one, whatever it says.
    """
    fhir_version: Literal["R4", "R4B", "R5"] | None = None
    """What its server speaks; None: what its CapabilityStatement says, else R4."""
    tasks: bool = False
    """Whether each proposal also gets a Task, for a site that works from task lists."""
    language: str = ENGLISH
    """What its patients are written to in: one of `service.languages.LOCALES`."""
    catch_up: Literal["all", "patients", "none"] = "all"
    """Whether its server is asked for what the feed did not bring, where there is a `fhir_base_url`.

    `patients`: of a server that searches only by patient, for those with an open alert or a follow-up due.
    """
    poll_seconds: int = 300
    """How often."""
    signed: Literal["none", "body", "timestamp", "standard-webhooks"] = "none"
    """What its server signs of a notification, by HMAC-SHA256 (`service.feed.signatures`).

    Unless it is `none`, only what is signed is taken, and the feed secret alone opens nothing.
    """
    signature_header: str | None = None
    """Header of the signature; None: X-Signature. Standard Webhooks has headers of its own."""
    signing_secret_file: str | None = None
    """File of the secret that it signs with, one a line: two of them while it is changed."""
    signing_secret_env: str | None = None
    """Environment variable of the same."""
    certificates: tuple[str, ...] = ()
    """Subjects or fingerprints of the client certificates it may come with, as the proxy names them.

    Where there are any, one of them is needed, in place of the feed secret.
    """
    stale_after_seconds: int = 0
    """After so long without a message its feed counts as stale; 0: never."""
    cds_issuer: str | None = None
    """The `iss` of the tokens its EHR calls the CDS service with; None: it may not call it."""
    cds_jwks: str | None = None
    """URL or file of the keys (JWK Set) those tokens are signed with."""
    launch_client_id: str | None = None
    """What the EHR calls this service where it opens its pages (SMART App Launch); None: it may not."""
    launch_client_secret_file: str | None = None
    """File that holds the secret for that; None: a public client, which PKCE alone protects."""
    launch_role: str | None = None
    """What people may do who come that way for the first time; None: nothing until they are given a role."""

    record_url: str | None = None
    """Where people open a record in the EHR, with `{id}` for the id of the Patient; None: nowhere."""

    @property
    def asks(self) -> bool:
        """Whether its server is asked for anything."""
        return self.fhir_base_url is not None and self.catch_up != "none"

    @property
    def writes(self) -> bool:
        """Whether anything is sent to this source's server."""
        return self.fhir_base_url is not None and self.write != "none"

    @property
    def authentication(self) -> Authentication:
        """How its server is told who asks."""
        named = self.write_token_file is not None or self.write_token_env is not None
        return self.auth or ("token" if named else "none")

    @property
    def digest(self) -> str:
        """SHA-256 of what a judgement may depend on."""
        return hashlib.sha256(self.judged_text.encode()).hexdigest()

    @property
    def judged_text(self) -> str:
        """The part of the settings that decoding and judging depend on, as canonical JSON."""
        return msgspec.json.encode(
            {"version_order": self.version_order, "zone": self.zone}, order="deterministic"
        ).decode()

    def record_of(self, patient: str) -> str | None:
        """Where people open the record of the Patient of that id; None where nothing says."""
        return self.record_url and self.record_url.replace(RECORD_ID, quote(patient, safe=""))

    def write_token(self) -> str | None:
        """The bearer token for writing, read anew each time so that it can be rotated.

        Raises:
            ConfigurationError: the file or variable it should come from is not there.
        """
        return _kept_outside("write_token", self.write_token_file, self.write_token_env)

    def signing_secrets(self) -> tuple[str, ...]:
        """What notifications may be signed with, read anew each time so that it can be changed in place.

        Raises:
            ConfigurationError: the file or variable is not there, or does not hold one or two secrets of at
                least 16 characters.
        """
        text = _kept_outside("signing_secret", self.signing_secret_file, self.signing_secret_env) or ""
        found = tuple(line.strip() for line in text.splitlines() if line.strip())
        if not 1 <= len(found) <= 2 or any(len(each) < SHORTEST_SECRET for each in found):
            raise ConfigurationError(
                f"signing_secret: one or two secrets of at least {SHORTEST_SECRET} characters are expected, "
                "one a line"
            )
        return found


def _kept_outside(what: str, file: str | None, variable: str | None) -> str | None:
    """A secret that a file or an environment variable holds; None where neither is named."""
    if file is not None:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(f"{what}_file cannot be read: {error.strerror}") from error
        except UnicodeDecodeError:
            raise ConfigurationError(f"{what}_file is not UTF-8 text") from None
    if variable is not None:
        value = os.environ.get(variable)
        if value is None:
            raise ConfigurationError(f"environment variable {variable} is not set")
        return value
    return None


def settings_from(options: Mapping[str, Any], where: str) -> SourceSettings:
    """Settings from plain values, by the names they have here.

    Raises:
        ConfigurationError: there is no setting of such a name, or it does not take such a value.
    """
    try:
        return msgspec.convert(options, SourceSettings)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{where}: {error}") from error


def check(settings: SourceSettings) -> None:
    """Refuse settings that cannot work.

    Raises:
        ConfigurationError: an unknown zone or language, a base URL that is not absolute http(s), a contact
            without a name or named twice, an interval out of range, an issuer without keys or keys from an
            unsafe place, a signature without a secret or a secret without a signature.
    """
    _check_contacts(settings.contacts)
    if settings.language not in LOCALES:
        raise ConfigurationError(f"language: {settings.language!r} is none of {', '.join(LOCALES)}")
    if settings.zone is not None:
        try:
            ZoneInfo(settings.zone)
        except (KeyError, ValueError, OSError) as error:
            raise ConfigurationError(f"zone: {settings.zone!r} is no IANA time zone") from error
    url = settings.fhir_base_url
    if url is not None and not url.startswith(("http://", "https://")):
        raise ConfigurationError("fhir_base_url: must begin with http:// or https://")
    if url is not None and any(mark in url for mark in "?#@"):
        raise ConfigurationError("fhir_base_url: give it without query, fragment, user and password")
    if not SHORTEST_POLL <= settings.poll_seconds <= LONGEST_POLL:
        raise ConfigurationError(f"poll_seconds: give {SHORTEST_POLL} to {LONGEST_POLL}")
    silence = settings.stale_after_seconds
    if silence and not SHORTEST_SILENCE <= silence <= LONGEST_SILENCE:
        raise ConfigurationError(
            f"stale_after_seconds: give {SHORTEST_SILENCE} to {LONGEST_SILENCE}, or 0 for never"
        )
    _check_authentication(settings)
    check_feed(settings)
    _check_cds(settings)
    if settings.launch_client_id is not None and settings.fhir_base_url is None:
        raise ConfigurationError("launch_client_id: fhir_base_url is needed, which the EHR calls itself by")
    if settings.launch_role not in (None, "nurse", "physician", "auditor"):
        raise ConfigurationError("launch_role: nurse, physician or auditor is expected")
    _check_record_url(settings.record_url)


def _check_record_url(url: str | None) -> None:
    if url is None:
        return
    if url.count(RECORD_ID) != 1 or any(mark in url.replace(RECORD_ID, "") for mark in "{} "):
        raise ConfigurationError(
            f"record_url: {RECORD_ID} must stand in it once, where the Patient's id belongs"
        )
    if not is_guarded(url) or RECORD_ID in url.split("/")[2]:
        raise ConfigurationError("record_url: must begin with https:// (http:// on this machine alone)")


def _check_authentication(settings: SourceSettings) -> None:
    if settings.write_token_file is not None and settings.write_token_env is not None:
        raise ConfigurationError("write_token_file and write_token_env: give one of them")
    named = settings.write_token_file is not None or settings.write_token_env is not None
    if settings.auth == "token" and not named:
        raise ConfigurationError("auth token: name its file or environment variable")
    if settings.auth in ("client-secret", "smart-backend") and settings.client_id is None:
        raise ConfigurationError(f"auth {settings.auth}: client_id is needed")
    if settings.auth == "client-secret" and settings.client_secret_file is None:
        raise ConfigurationError("auth client-secret: client_secret_file is needed")
    endpoint = settings.token_endpoint
    if endpoint is not None and (any(mark in endpoint for mark in "#@ ") or not is_guarded(endpoint)):
        raise ConfigurationError("token_endpoint: must begin with https:// (http:// on this machine alone)")


def _check_contacts(contacts: Sequence[str]) -> None:
    for name in contacts:
        if not name.strip() or not name.isprintable() or len(name) > LONGEST_CONTACT:
            raise ConfigurationError(f"contact: {name!r} is no name of at most {LONGEST_CONTACT} characters")
    if len(set(contacts)) < len(contacts):
        raise ConfigurationError("contact: the same name stands twice")


def _check_cds(settings: SourceSettings) -> None:
    issuer, keys = settings.cds_issuer, settings.cds_jwks
    if (issuer is None) != (keys is None):
        raise ConfigurationError("cds_issuer and cds_jwks: give both or none")
    if issuer is not None and not (issuer.isprintable() and len(issuer) <= LONGEST_CONTACT):
        raise ConfigurationError(f"cds_issuer: at most {LONGEST_CONTACT} printable characters")
    if keys is None or "://" not in keys:
        return
    if any(mark in keys for mark in "#@ ") or not is_guarded(keys):
        raise ConfigurationError(
            "cds_jwks: give a file, or an https URL (http only to this machine) without user and fragment"
        )
