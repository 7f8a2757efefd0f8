"""From options and a socket to a server."""

import socket

import uvicorn

from service.simulated_ehr.hanging_up import Telephone
from service.simulated_ehr.server import Hospital, Options


def prepared(listening: socket.socket, options: Options) -> tuple[str, Hospital, uvicorn.Server]:
    """A simulated EHR that only has to be run.

    Args:
        listening: where it will take connections.
        options: how it is to be.

    Returns:
        Its FHIR base URL, itself, and the server to run.
    """
    host, port = listening.getsockname()[:2]
    base = f"http://{host}:{port}/fhir"
    hospital = Hospital(base, options)
    config = uvicorn.Config(
        hospital.app(),
        http=Telephone,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )
    return base, hospital, uvicorn.Server(config)
