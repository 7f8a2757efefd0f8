"""Pages in the browser."""

from fastapi import APIRouter

from service.dashboard import decision_pages, patient_pages, worklist_pages
from service.dashboard.rule_pages import routes

__all__ = ["create_pages", "routes"]


def create_pages() -> APIRouter:
    """The pages that show patients. They need `app.state.engine`, `.rules` and `.settings`."""
    router = APIRouter()
    router.include_router(worklist_pages.router)
    router.include_router(decision_pages.router)
    router.include_router(patient_pages.router)
    return router
