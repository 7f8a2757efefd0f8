"""Pages in the browser."""

from fastapi import APIRouter

from service.dashboard import (
    account_pages,
    activation_pages,
    admin_pages,
    asleep_pages,
    break_glass,
    decision_pages,
    elsewhere_pages,
    feed_pages,
    hold_pages,
    launch_pages,
    letter_pages,
    live_pages,
    look_pages,
    measure_pages,
    patient_pages,
    population_pages,
    replay_pages,
    shadow_pages,
    sign_in_pages,
    simulation_pages,
    view_pages,
    worklist_pages,
)
from service.dashboard.answers import install_page_answers
from service.dashboard.rule_pages import routes

__all__ = ["create_pages", "install_page_answers", "routes"]


def create_pages() -> APIRouter:
    """Every route for people who sign in, and those by which they do.

    Their application has `state.engine`, `.settings`, `.rules`, `.live` and `.rejudging`, and the page
    answers installed.
    """
    router = APIRouter()
    for part in (sign_in_pages, elsewhere_pages, launch_pages, account_pages, break_glass):
        router.include_router(part.create_router())
    for pages in (
        *(worklist_pages, live_pages, view_pages, decision_pages),
        *(letter_pages, patient_pages, look_pages, measure_pages, replay_pages, simulation_pages),
        *(shadow_pages, activation_pages),
        *(population_pages, asleep_pages, feed_pages, hold_pages, admin_pages),
    ):
        router.include_router(pages.router)
    return router
