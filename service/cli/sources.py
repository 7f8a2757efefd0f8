"""`source`: the EHRs that feed the service."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import asking, connecting, exporting
from service.cli.console import Json, note, say, say_json, say_json_list, table
from service.cli.opening import actor, database, now, settings_of

if TYPE_CHECKING:
    from service.store.sources import Source, SourceSettings

app = typer.Typer(help="The EHRs that feed the service.", no_args_is_help=True)
app.command()(asking.catchup)
app.command()(exporting.export)
app.command()(connecting.connect)
app.command()(connecting.status)
app.command()(connecting.disconnect)


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


Name = Annotated[str, typer.Argument(help="a-z, 0-9 and -")]
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
SecretFile = Annotated[
    Path | None, typer.Option(help="Take the feed secret from this file instead of making one.")
]


@app.command()
def add(  # noqa: PLR0913, PLR0917 - one option for each setting
    name: Name,
    zone: Zone = None,
    version_order: Order = None,
    fhir_base_url: BaseUrl = None,
    write_token_file: TokenFile = None,
    write_token_env: TokenEnv = None,
    auth: How = None,
    token_endpoint: TokenEndpoint = None,
    client_id: ClientId = None,
    client_secret_file: ClientSecretFile = None,
    key_id: KeyId = None,
    scopes: Scopes = None,
    write: Write = None,
    fhir_version: Version = None,
    contacts: Contacts = None,
    tasks: Tasks = None,
    language: Language = None,
    catch_up: CatchUp = None,
    poll_seconds: PollSeconds = None,
    signed: Signed = None,
    signature_header: SignatureHeader = None,
    signing_secret_file: SigningSecretFile = None,
    signing_secret_env: SigningSecretEnv = None,
    certificates: Certificates = None,
    stale_after_seconds: StaleAfter = None,
    cds_issuer: Issuer = None,
    cds_jwks: Jwks = None,
    launch_client_id: LaunchClient = None,
    launch_client_secret_file: LaunchSecret = None,
    launch_role: LaunchRole = None,
    secret_file: SecretFile = None,
    as_json: Json = False,
) -> None:
    """Add a source; its feed secret is shown this once."""
    given = locals()  # the options are named as the settings they give
    from service.store import sources
    from service.store.session import writing
    from service.store.sources import SourceSettings

    secret = _secret(secret_file)
    settings = _changed(SourceSettings(), given)
    with database(settings_of()) as engine, writing(engine) as connection:
        source = sources.add(connection, name, settings, secret, now())
        _audit(connection, "source-add", source)
    _show_secret(name, secret, made=secret_file is None, as_json=as_json)


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the sources."""
    from service.store import sources
    from service.store.session import reading

    with database(settings_of()) as engine, reading(engine) as connection:
        found = [_as_object(each) for each in sources.every(connection)]
    if as_json:
        say_json_list(found)
        return
    columns = ("name", "active", "zone", "version_order", "fhir_base_url", "contacts")
    for each in found:
        each["contacts"] = ", ".join(each["contacts"]) or None
    table(columns, ([each[column] for column in columns] for each in found))


@app.command(name="set")
def set_(  # noqa: PLR0913, PLR0917 - one option for each setting
    name: Name,
    zone: Zone = None,
    version_order: Order = None,
    fhir_base_url: BaseUrl = None,
    write_token_file: TokenFile = None,
    write_token_env: TokenEnv = None,
    auth: How = None,
    token_endpoint: TokenEndpoint = None,
    client_id: ClientId = None,
    client_secret_file: ClientSecretFile = None,
    key_id: KeyId = None,
    scopes: Scopes = None,
    write: Write = None,
    fhir_version: Version = None,
    contacts: Contacts = None,
    tasks: Tasks = None,
    language: Language = None,
    catch_up: CatchUp = None,
    poll_seconds: PollSeconds = None,
    signed: Signed = None,
    signature_header: SignatureHeader = None,
    signing_secret_file: SigningSecretFile = None,
    signing_secret_env: SigningSecretEnv = None,
    certificates: Certificates = None,
    stale_after_seconds: StaleAfter = None,
    cds_issuer: Issuer = None,
    cds_jwks: Jwks = None,
    launch_client_id: LaunchClient = None,
    launch_client_secret_file: LaunchSecret = None,
    launch_role: LaunchRole = None,
) -> None:
    """Change what is given, leave the rest; an empty text takes a setting away."""
    given = locals()  # the options are named as the settings they give
    from service.store import outbox_control, sources
    from service.store.session import writing

    with database(settings_of()) as engine, writing(engine) as connection:
        before = sources.by_name(connection, name)
        settings = _changed(before.settings, given)
        after = sources.change(connection, name, settings)
        names = [each for each in _names() if getattr(before.settings, each) != getattr(settings, each)]
        if settings.writes and not before.settings.writes:
            outbox_control.want_standing(connection, after.id, now())
        if {"tasks", "language"} & set(names):
            outbox_control.rewrite(connection, after.id, now())
        _audit(connection, "source-set", after, {"changed": names})
    say(f"changed: {', '.join(names) or 'nothing'}")
    if before.settings.digest != settings.digest:
        note("this changes how its results are read: run `liverwatch rejudge`")


@app.command()
def remove(name: Name) -> None:
    """Take nothing more from a source; what it sent stays."""
    from service.store import sources
    from service.store.session import writing

    with database(settings_of()) as engine, writing(engine) as connection:
        sources.remove(connection, name)
        _audit(connection, "source-remove", sources.by_name(connection, name))
    say(f"source {name} takes nothing more; what it sent stays")


@app.command()
def secret(name: Name, secret_file: SecretFile = None, as_json: Json = False) -> None:
    """Give a source a new feed secret; the newest one before it stays valid until the next time."""
    from service.errors import Conflict
    from service.store import sources
    from service.store.session import writing

    fresh = _secret(secret_file)
    with database(settings_of()) as engine, writing(engine) as connection:
        source = sources.by_name(connection, name)
        if not source.active:
            raise Conflict(f"source {name!r} has been removed")
        sources.rotate_secret(connection, name, fresh)
        _audit(connection, "source-secret", source)
    _show_secret(name, fresh, made=secret_file is None, as_json=as_json)


def _names() -> tuple[str, ...]:
    from service.store.sources import SourceSettings

    return SourceSettings.__struct_fields__


def _changed(before: "SourceSettings", options: dict[str, Any]) -> "SourceSettings":
    """The settings with what is given in place; an empty text means the default."""
    import msgspec

    from service.store.sources import SourceSettings

    default = SourceSettings()
    said: dict[str, Any] = {}
    for name in _names():
        value = options[name]
        if isinstance(value, list):
            if value:
                said[name] = tuple(each.strip() for each in value if each)
        elif value is not None:
            said[name] = str(value) if isinstance(value, StrEnum) else value
            if value == "":
                said[name] = getattr(default, name)
    if "language" in said:
        said["language"] = said["language"].replace("_", "-")
    return msgspec.structs.replace(before, **said)


def _secret(file: Path | None) -> str:
    """The secret in a file, or a new one."""
    from service.errors import ConfigurationError
    from service.store.sources import new_secret

    if file is None:
        return new_secret()
    try:
        given = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read") from error
    if len(given) < 16:
        raise ConfigurationError(f"{file}: a secret of at least 16 characters is expected")
    return given


def _show_secret(name: str, value: str, *, made: bool, as_json: bool) -> None:
    if as_json:
        say_json({"name": name, "secret": value if made else None})
    elif made:
        say(value)
        note(f"the feed secret of {name}: it is not shown again. Send it as `Authorization: Bearer ...`")
    else:
        say(f"source {name} accepts the secret in the file")


def _audit(connection: Any, action: str, source: "Source", detail: dict[str, Any] | None = None) -> None:
    from service.store import decisions

    decisions.write_audit(
        connection, at=now(), actor=actor(), action=action, source_id=source.id, detail=detail
    )


def _as_object(source: "Source") -> dict[str, Any]:
    settings = {name: getattr(source.settings, name) for name in _names()}
    return {"name": source.name, "active": source.active, **settings, "secrets": len(source.secret_digests)}
