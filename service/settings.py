"""Every setting of the service, from the environment (`LIVERWATCH_*`), in one frozen place."""

import os
import re
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from service.errors import ConfigurationError

PREFIX = "LIVERWATCH_"


class SourceSeed(BaseModel):
    """A source named in the settings: created when the database has none of that name, else ignored.

    Beside name and secret it takes every setting of a source; those are checked where they are known
    (`service.store.sources.settings_from`), before the service starts.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    secret: str | None = None


class Settings(BaseSettings):
    """Any `LIVERWATCH_NAME` may instead be given as `LIVERWATCH_NAME_FILE`, a file that holds the value."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    database_url: str = "sqlite:///liverwatch.db"
    """SQLAlchemy URL; `postgresql+psycopg://` in production."""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = "http://127.0.0.1:8080"
    """Where readers reach this service: rule links in what is written point there."""
    publisher: str = Field(default="site", min_length=1)
    """Who answers for the rules that this service publishes: the site's name."""
    sources: tuple[SourceSeed, ...] = ()
    """JSON list of sources to create on first start; the database wins afterwards."""
    rulebook: Path | None = None
    """A rulebook file; the packaged one when not set. Once two people put one in force, that one counts."""
    clock: Literal["system", "data"] = "system"
    """`data`: judge each patient as of their newest result, for replaying old data."""
    settle_seconds: float = Field(default=900.0, ge=0)
    """How long a change that is not urgent waits before it is written to the EHR."""
    backfill_writes: Literal["open", "all"] = "open"
    """`open`: episodes already over when first seen are not written to the EHR."""
    max_body_bytes: int = Field(default=1024 * 1024, gt=0)
    max_bundle_bytes: int = Field(default=10 * 1024 * 1024, gt=0)
    max_bundle_entries: int = Field(default=500, gt=0)
    max_depth: int = Field(default=50, gt=0)
    """Nesting of JSON."""
    batch_requests: int = Field(default=128, gt=0)
    """Requests that may share one transaction."""
    queue_requests: int = Field(default=4096, gt=0)
    queue_bytes: int = Field(default=64 * 1024 * 1024, gt=0)
    """Of bodies being read, queued or written. Over either, the feed answers 503 before it reads a body."""
    sweep_seconds: float = Field(default=30.0, gt=0)
    """How often due patients, due quarantine and unjudged records are looked for."""
    keys_directory: Path | None = None
    """Where the keys are that this service signs with, for EHRs that ask for SMART Backend Services."""
    proxies: tuple[IPvAnyNetwork, ...] = ()
    """JSON list of addresses and networks whose word about client certificates is taken."""
    certificate_header: str = Field(default="X-Client-Certificate", pattern=r"^[A-Za-z0-9-]{1,64}$")
    """Header in which they name the client's certificate, by subject or fingerprint."""
    cds_origins: tuple[str, ...] = ()
    """JSON list of web origins whose pages may call the CDS service from a browser; none unless named."""
    audit_anchor: str = "log"
    """Who is told how far the audit log is sealed: `log`, the path of a file, or a URL that is posted to."""
    session_idle_minutes: int = Field(default=30, ge=1, le=24 * 60)
    """After so long without a request somebody is signed out of the pages."""
    session_hours: int = Field(default=12, ge=1, le=24)
    """After so long they are in any case."""
    break_glass_minutes: int = Field(default=60, ge=1, le=24 * 60)
    """For how long the record of a source that somebody does not see stays open once they gave a reason."""
    frame_ancestors: tuple[str, ...] = ()
    """JSON list of web origins whose pages may show ours in a frame; none unless named."""
    oidc_issuer: str | None = None
    """Who vouches for people who sign in with their organisation's account: an OpenID Connect provider."""
    oidc_client_id: str | None = None
    """What the provider calls this service."""
    oidc_client_secret: str | None = Field(default=None, repr=False)
    """What this service proves to the provider who it is with; give it as a file."""
    oidc_scopes: str = "openid profile"
    """What the provider is asked for, separated by spaces."""
    oidc_roles_claim: str = "liverwatch_roles"
    """The claim that lists somebody's roles."""
    oidc_sources_claim: str = "liverwatch_sources"
    """The claim that lists the sources somebody may see; `*` for every one."""
    smallest_cell: int = Field(default=5, ge=1, le=1000)
    """Figures of measures of fewer people, but for none, are masked where they are exported; 1 masks none."""
    feed_target_seconds: float = Field(default=900.0, gt=0)
    """Within so long a result that an EHR has stored should be here: what the feed measure is held to."""
    retention_years: int | None = Field(default=None, ge=1, le=200)
    """So long after its newest result, decision or message a record is erased; never unless set."""
    retention_quarantine_days: int | None = Field(default=None, ge=1, le=36_500)
    """So long after they were closed items of quarantine are erased; never unless set."""
    retention_simulation_days: int | None = Field(default=None, ge=1, le=36_500)
    """So long after they were run simulations are erased; never unless set."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"


def load_settings(**overrides: Any) -> Settings:
    """Read the environment, secrets from files too.

    Raises:
        ConfigurationError: a setting is missing, unreadable or out of range; names the variable.
    """
    for variable, path in list(os.environ.items()):
        name = variable.removeprefix(PREFIX).removesuffix("_FILE").lower()
        if variable == f"{PREFIX}{name.upper()}_FILE" and name in Settings.model_fields:
            try:
                overrides.setdefault(name, Path(path).read_text(encoding="utf-8").strip())
            except OSError as error:
                raise ConfigurationError(f"{variable}: cannot be read ({error.strerror})") from error
    try:
        return Settings(**overrides)
    except SettingsError as error:
        named = re.search(r'field "(\w+)"', str(error))
        place = (named[1] if named else "sources").upper()
        raise ConfigurationError(f"{PREFIX}{place}: this is not JSON, a list is expected") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigurationError(f"{PREFIX}{place}: {first['msg']}") from error


@lru_cache(maxsize=1)
def code_version() -> str:
    """The version of this release, as decisions record it."""
    try:
        return version("liverwatch")
    except PackageNotFoundError:
        return "unreleased"
