"""`python -m service.simulated_ehr`: run it in a process of its own, until it is told to stop."""

import argparse
import os
import socket
import sys
import threading

import uvicorn

from service.simulated_ehr.serving import prepared
from service.simulated_ehr.server import Options
from service.simulated_ehr.styles import STYLES


def main() -> None:
    """Listen, print the FHIR base URL on a line of its own, and serve."""
    chosen = _arguments()
    token = os.environ[chosen.token_env] if chosen.token_env else None
    listening = socket.create_server((chosen.host, chosen.port))
    base, _hospital, server = prepared(listening, Options(STYLES[chosen.style], token))
    sys.stdout.write(f"{base}\n")
    sys.stdout.flush()
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
