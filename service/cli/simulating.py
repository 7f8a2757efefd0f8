"""`simulate-ehr`: a server in memory to try settings on."""

import re
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import note, say

if TYPE_CHECKING:
    from service.simulated_ehr.server import Options


class Style(StrEnum):
    """The kind of server that is played."""

    HAPI = "hapi"
    MEDPLUM = "medplum"
    BACKPORT_R4 = "backport-r4"
    BACKPORT_R4B = "backport-r4b"
    R5 = "r5"


class Payload(StrEnum):
    """How much of a resource a notification holds."""

    EMPTY = "empty"
    ID_ONLY = "id-only"
    FULL_RESOURCE = "full-resource"


def _share(text: str) -> float:
    match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)\s?%", text)
    if match is None or float(match[1]) > 100:
        raise typer.BadParameter("a share from 0% to 100% is expected")
    return float(match[1]) / 100


def simulate_ehr(  # noqa: PLR0913, PLR0917 - each argument is an option
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 for any free one.")
    ] = 8090,
    style: Annotated[Style, typer.Option(help="The kind of server to be.")] = Style.HAPI,
    payload: Annotated[
        Payload, typer.Option(help="What notifications to --feed hold.")
    ] = Payload.FULL_RESOURCE,
    lose: Annotated[str, typer.Option(metavar="SHARE", help="Notifications never sent: 5%.")] = "0%",
    duplicate: Annotated[str, typer.Option(metavar="SHARE", help="Notifications sent twice: 5%.")] = "0%",
    reorder: Annotated[bool, typer.Option("--reorder", help="Let some overtake others.")] = False,
    seed: Annotated[int, typer.Option(help="The same seed, the same mishaps.")] = 0,
    give_up: Annotated[
        float, typer.Option("--give-up-seconds", min=0, help="How long a notification is tried.")
    ] = 60.0,
    feed: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Feed to subscribe at the start.", show_default=False),
    ] = None,
    secret_env: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Variable with the secret of that feed.", show_default=False),
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            exists=True,
            metavar="PATH",
            help=".ndjson, .json or a folder; what is in it arrives one by one. May be repeated.",
            show_default=False,
        ),
    ] = None,
    pace: Annotated[float, typer.Option("--pace-seconds", min=0, help="Between two of those.")] = 0.0,
    token_env: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Variable with a token to ask for.", show_default=False),
    ] = None,
    smart: Annotated[
        str | None,
        typer.Option(
            metavar="JWKS",
            help="Ask for SMART Backend tokens; URL or file of the client's public keys.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Be an EHR in memory, to try settings on: a FHIR server that notifies, with the faults of its kind.

    Ctrl-C ends it; it then says which notifications were lost, sent twice, overtaken or given up. It is for
    invented data: it prints ids.
    """
    from service.errors import ConfigurationError
    from service.simulated_ehr.mishaps import Odds
    from service.simulated_ehr.playing import subscription_for
    from service.simulated_ehr.server import Options
    from service.simulated_ehr.styles import STYLES

    kind = STYLES[style.value]
    if payload.value not in kind.contents:
        raise ConfigurationError(f"--payload: {style} knows only {' and '.join(kind.contents)}")
    secret = _from_environment(secret_env)
    options = Options(
        style=kind,
        token=_from_environment(token_env),
        jwks=smart,
        odds=Odds(_share(lose), _share(duplicate), reorder, seed),
        give_up_seconds=give_up,
        subscriptions=subscription_for(kind, feed, secret, payload.value) if feed else [],
        files=_readable(files or []),
        pace_seconds=pace,
    )
    _serve(options, port)


def _serve(options: "Options", port: int) -> None:
    import signal
    import socket

    from service.errors import ConfigurationError
    from service.simulated_ehr.serving import prepared

    try:
        listening = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise ConfigurationError(f"--port {port}: {error.strerror}") from error
    base, hospital, server = prepared(listening, options)
    say(base)
    note(f"{options.style.name}, FHIR {options.style.fhir_version}; Ctrl-C ends it")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # however it is ended, it tells
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    for line in hospital.notifier.ledger.lines():
        say(line)


def _readable(paths: Sequence[Path]) -> list[Path]:
    """The files to play, once all of them have been read: a broken one shows before anything is sent."""
    from service.errors import ConfigurationError
    from service.simulated_ehr.playing import files_in, resources_in

    chosen = [*files_in(paths)]
    try:
        for path in chosen:
            for _ in resources_in(path):
                pass
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--from: {error}") from error
    return chosen


def _from_environment(name: str | None) -> str | None:
    import os

    from service.errors import ConfigurationError

    if name is None:
        return None
    if not os.environ.get(name):
        raise ConfigurationError(f"the environment variable {name} is empty or not set")
    return os.environ[name]
