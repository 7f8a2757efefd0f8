"""`/.well-known/jwks.json`: the public keys of what this service signs. Open to anybody."""

import logging

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from service.ehr.keys import public_set
from service.errors import ConfigurationError, LiverwatchError

log = logging.getLogger(__name__)

MAX_AGE_SECONDS = 300
"""How long an EHR may keep them: a new key is known everywhere after that."""


def create_router() -> APIRouter:
    """The one route. It needs `app.state.settings`."""
    router = APIRouter()

    def jwks(request: Request) -> JSONResponse:
        try:
            found = public_set(request.app.state.settings.keys_directory)
        except ConfigurationError as error:  # it names a file, which is nobody's business
            log.error("the keys cannot be shown: %s", error.message)  # noqa: TRY400
            raise LiverwatchError("The keys cannot be read; the service's log says why.") from None
        return JSONResponse(found, headers={"Cache-Control": f"public, max-age={MAX_AGE_SECONDS}"})

    router.add_api_route("/.well-known/jwks.json", jwks, methods=["GET"], response_model=None)
    return router
