"""`python -m service.simulated_ehr`: run it in a process of its own, until it is told to stop."""

import argparse
import os
import socket
import sys
import threading

import uvicorn

from service.simulated_ehr.hanging_up import Telephone
from service.simulated_ehr.notifying import STYLES
from service.simulated_ehr.server import Hospital


def main() -> None:
    """Listen, print the FHIR base URL on a line of its own, and serve."""
    chosen = _arguments()
    token = os.environ[chosen.token_env] if chosen.token_env else None
    app = Hospital(token, STYLES[chosen.style]).app()
    listening = socket.create_server((chosen.host, chosen.port))
    host, port = listening.getsockname()[:2]
    sys.stdout.write(f"http://{host}:{port}/fhir\n")
    sys.stdout.flush()
    server = uvicorn.Server(
        uvicorn.Config(
            app, http=Telephone, access_log=False, log_level="warning", timeout_graceful_shutdown=2
        )
    )
    if chosen.with_parent:
        threading.Thread(target=_end_with_input, args=(server,), daemon=True).start()
    server.run(sockets=[listening])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="simulated-ehr", description="A FHIR R4 server in memory, for trying out."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--token-env", help="environment variable with the bearer token to ask for")
    parser.add_argument("--style", choices=sorted(STYLES), default="as-it-stands", help="how it notifies")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input does")
    return parser.parse_args()


def _end_with_input(server: uvicorn.Server) -> None:
    """Whoever started this holds the other end: it closes however that process dies."""
    sys.stdin.buffer.read()
    server.should_exit = True


if __name__ == "__main__":
    main()
