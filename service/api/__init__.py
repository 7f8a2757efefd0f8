"""What readers and machines ask of the service over HTTP."""

from fastapi import APIRouter

from service.api import cds_hooks, fhir, health, metrics_endpoint, well_known
from service.api.errors import install_error_answers

__all__ = ["create_api", "install_error_answers"]


def create_api() -> APIRouter:
    """Every route of the read side.

    Their application has `state.engine`, `.settings`, `.rules`, `.batcher` and `.cds_keys`, and the error
    answers installed.
    """
    router = APIRouter()
    for part in (health, metrics_endpoint, well_known, fhir, cds_hooks):
        router.include_router(part.create_router())
    return router
