"""What ties a request's audit rows to its line in the access log."""

import secrets

from starlette.requests import Request


def request_id(request: Request) -> str:
    """The id of a request: made up when it is first asked for."""
    known = getattr(request.state, "request_id", None)
    if not isinstance(known, str):
        known = request.state.request_id = secrets.token_hex(16)
    return known
