"""Who may enter: whoever has the token of the command line, or one that the token endpoint gave out."""

import hmac

from starlette.requests import Request

from service.simulated_ehr.records import Refusal
from service.simulated_ehr.smart import TokenEndpoint


class Doorkeeper:
    """Checks the bearer token of requests; without a token and an endpoint everybody may enter."""

    def __init__(self, token: str | None, endpoint: TokenEndpoint | None) -> None:
        self._token, self._endpoint = token, endpoint

    def check(self, request: Request) -> None:
        """Let a request in.

        Raises:
            Refusal: 401 where its token is not one of ours, or has run out.
        """
        if self._token is None and self._endpoint is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer":
            if self._token is not None and hmac.compare_digest(given.encode(), self._token.encode()):
                return
            if self._endpoint is not None and self._endpoint.is_valid(given):
                return
        raise Refusal(401, "login", "a bearer token is needed here")
