"""Starting a simulated EHR in a process of its own, and ending it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_TOKEN: Final = "SIMULATED_EHR_TOKEN"  # noqa: S105 - the name of a variable
_PATIENCE_SECONDS: Final = 10.0


@contextmanager
def running(token: str | None = None, *, port: int = 0, style: str = "as-it-stands") -> Iterator[str]:
    """Run one as long as the block lasts.

    Args:
        token: bearer token that it asks for.
        port: where it listens on 127.0.0.1; 0 for any free port.
        style: how it words its notifications.

    Yields:
        Its FHIR base URL.

    Raises:
        RuntimeError: it did not start.
    """
    command = [sys.executable, "-m", "service.simulated_ehr", "--with-parent", "--port", str(port)]
    command += ["--style", style, *(["--token-env", _TOKEN] if token else [])]
    process = subprocess.Popen(  # noqa: S603 - our own program
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | ({_TOKEN: token} if token else {}),
        start_new_session=True,  # Ctrl-C is for the process that started it
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        base_url = process.stdout.readline().decode().strip()
        if not base_url:
            raise RuntimeError("the simulated EHR did not start")
        yield base_url
    finally:
        process.stdin.close()
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
