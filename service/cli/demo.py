"""`demo`: the whole road on this machine."""

from typing import Annotated

import typer


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End by itself; fail unless the EHR holds exactly what it must.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any free one.")] = 0,
) -> None:
    """Try Liverwatch: a simulated EHR feeds it, alerts are written back, and the story is told."""
    import signal

    from service.demo import run

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # however it is ended, it cleans up
    if not run(once=once, port=port):
        raise typer.Exit(1)
