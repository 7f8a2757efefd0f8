"""The options that give a source its settings: the same wherever one is made or changed."""

import inspect
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

import typer

Command = TypeVar("Command", bound=Callable[..., None])


class Asking(StrEnum):
    """What its server is asked for."""

    ALL = "all"
    PATIENTS = "patients"
    NONE = "none"


class Auth(StrEnum):
    """By what its server knows this service."""

    NONE = "none"
    TOKEN = "token"  # noqa: S105 (the name of a way)
    CLIENT_SECRET = "client-secret"  # noqa: S105 (likewise)
    SMART_BACKEND = "smart-backend"


class Writing(StrEnum):
    """How its server is written to."""

    AUTO = "auto"
    NONE = "none"
    BUNDLE = "bundle"
    SINGLE = "single"


class FhirVersion(StrEnum):
    """What its server speaks."""

    R4 = "R4"
    R4B = "R4B"
    R5 = "R5"


class Signing(StrEnum):
    """What its server signs."""

    NONE = "none"
    BODY = "body"
    TIMESTAMP = "timestamp"
    STANDARD_WEBHOOKS = "standard-webhooks"


class VersionOrder(StrEnum):
    """What orders the versions of a resource."""

    AUTO = "auto"
    NUMERIC = "numeric"
    LAST_UPDATED = "last-updated"


Zone = Annotated[
    str | None, typer.Option(help="IANA zone of times that state none; without it those are quarantined.")
]
Order = Annotated[VersionOrder | None, typer.Option(help="What orders versions: versionId or lastUpdated.")]
BaseUrl = Annotated[str | None, typer.Option(help="FHIR base URL that alerts are written to.")]
TokenFile = Annotated[str | None, typer.Option(help="File that holds the bearer token for writing.")]
TokenEnv = Annotated[str | None, typer.Option(help="Environment variable that holds that token.")]
How = Annotated[
    Auth | None,
    typer.Option(
        help="By what its server knows this service: none, token (where one is named), client-secret or "
        "smart-backend (a signed assertion; see `liverwatch keys`)."
    ),
]
TokenEndpoint = Annotated[
    str | None, typer.Option(help="Where tokens are asked for; unless said, the one its server names.")
]
ClientId = Annotated[str | None, typer.Option(help="What the EHR calls this service.")]
ClientSecretFile = Annotated[str | None, typer.Option(help="File that holds the client secret.")]
KeyId = Annotated[str | None, typer.Option(help="Which key signs; the oldest unless said.")]
Scopes = Annotated[str | None, typer.Option(help="What tokens are asked for, separated by spaces.")]
Write = Annotated[
    Writing | None,
    typer.Option(
        help="How its server is written to: auto (unless said: as its CapabilityStatement offers), bundle "
        "(in transactions), single (one by one), none."
    ),
]
Version = Annotated[
    FhirVersion | None, typer.Option(help="What its server speaks; unless said, what it says, else R4.")
]
CatchUp = Annotated[
    Asking | None,
    typer.Option(
        help="Whether its server is asked for what the feed did not bring: all (unless said), patients (of a "
        "server that searches only by patient: those under watch), none."
    ),
]
PollSeconds = Annotated[int | None, typer.Option(help="How often it is asked; 300 unless said.")]
StaleAfter = Annotated[
    int | None,
    typer.Option(
        "--stale-after-seconds",
        help="After so long without a message its feed is stale; 0: never (unless said).",
    ),
]
Contacts = Annotated[
    list[str] | None,
    typer.Option(
        "--contact",
        metavar="NAME",
        help="Whom an urgent alert goes on to when nobody takes it in time; give several in order.",
    ),
]
Tasks = Annotated[
    bool | None,
    typer.Option("--tasks/--no-tasks", help="Write a Task for each proposal too; off unless said."),
]
Language = Annotated[
    str | None,
    typer.Option(metavar="TAG", help="What patients are written to in: en (unless said) or zh-CN."),
]
Signed = Annotated[
    Signing | None,
    typer.Option(
        help="What the server signs by HMAC-SHA256: body (X-Signature, as Medplum does), timestamp "
        "(t=...,v1=...), standard-webhooks, none (unless said). What is not signed is then refused."
    ),
]
SignatureHeader = Annotated[
    str | None, typer.Option(metavar="NAME", help="Header of the signature; X-Signature unless said.")
]
SigningSecretFile = Annotated[
    str | None, typer.Option(help="File of the secret it signs with; two, one a line, while it is changed.")
]
SigningSecretEnv = Annotated[
    str | None, typer.Option(help="Environment variable of that secret, in place of a file.")
]
Certificates = Annotated[
    list[str] | None,
    typer.Option(
        "--certificate",
        metavar="NAME",
        help="Subject or fingerprint of a client certificate, as a proxy of LIVERWATCH_PROXIES names it; "
        "where there are any, one is needed in place of the feed secret.",
    ),
]
Issuer = Annotated[
    str | None,
    typer.Option("--cds-issuer", help="`iss` of the tokens the EHR calls CDS Hooks with; needs --cds-jwks."),
]
Jwks = Annotated[
    str | None,
    typer.Option("--cds-jwks", help="https URL or file of the public keys (JWK Set) of those tokens."),
]
LaunchClient = Annotated[
    str | None,
    typer.Option(help="What the EHR calls this service where it opens its pages (SMART App Launch)."),
]
LaunchSecret = Annotated[
    str | None, typer.Option(help="File that holds the client secret for that, where there is one.")
]
LaunchRole = Annotated[
    str | None,
    typer.Option(
        metavar="ROLE",
        help="What people may do who first come that way: nurse, physician or auditor; nothing unless said.",
    ),
]

RecordUrl = Annotated[
    str | None,
    typer.Option(help="Where people open a patient's record in the EHR, with {id} for the Patient's id."),
]

OPTIONS: Final[Mapping[str, Any]] = {
    "zone": Zone,
    "version_order": Order,
    "fhir_base_url": BaseUrl,
    "write_token_file": TokenFile,
    "write_token_env": TokenEnv,
    "auth": How,
    "token_endpoint": TokenEndpoint,
    "client_id": ClientId,
    "client_secret_file": ClientSecretFile,
    "key_id": KeyId,
    "scopes": Scopes,
    "write": Write,
    "fhir_version": Version,
    "contacts": Contacts,
    "tasks": Tasks,
    "language": Language,
    "catch_up": CatchUp,
    "poll_seconds": PollSeconds,
    "signed": Signed,
    "signature_header": SignatureHeader,
    "signing_secret_file": SigningSecretFile,
    "signing_secret_env": SigningSecretEnv,
    "certificates": Certificates,
    "stale_after_seconds": StaleAfter,
    "cds_issuer": Issuer,
    "cds_jwks": Jwks,
    "launch_client_id": LaunchClient,
    "launch_client_secret_file": LaunchSecret,
    "launch_role": LaunchRole,
    "record_url": RecordUrl,
}
"""For each setting of a source, by its name: the option that gives it."""


def takes_settings(command: Command) -> Command:
    """Give a command an option for each setting, after its first argument; they reach its keywords."""
    first, *others = (
        each
        for each in inspect.signature(command).parameters.values()
        if each.kind is not inspect.Parameter.VAR_KEYWORD
    )
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    options = [
        inspect.Parameter(name, kind, default=None, annotation=option) for name, option in OPTIONS.items()
    ]
    command.__signature__ = inspect.Signature([first, *options, *others])  # type: ignore[attr-defined]
    command.__annotations__ |= OPTIONS
    return command
