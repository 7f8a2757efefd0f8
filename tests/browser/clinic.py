"""The whole service on an address of its own, and the people who sit at its windows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect

from service.app import create_app
from service.settings import Settings
from tests.browser.watching import Watch
from tests.dashboard.front_desk import PASSWORD, FrontDesk
from tests.dashboard.ward import Ward
from tests.feed.serving import serving_here

PATIENCE_MILLISECONDS = 30_000
expect.set_options(timeout=PATIENCE_MILLISECONDS)


@dataclass
class Clinic:
    """What is stored and served, and the browser that shows it."""

    ward: Ward
    desk: FrontDesk
    browser: Browser
    address: str
    watch: Watch = field(init=False)
    _windows: list[BrowserContext] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = Watch(self.address)

    def window(self, *, script: bool = True, **screen: Any) -> Page:
        """A window that nobody has signed in at, and that shares nothing with another."""
        context = self.browser.new_context(
            base_url=self.address, java_script_enabled=script, reduced_motion="reduce", **screen
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        self.watch.over(context)
        self._windows.append(context)
        return context.new_page()

    def at(self, name: str = "adams", address: str = "/", **window: Any) -> Page:
        """Somebody's window, in which they have asked for a page and signed in on the way to it."""
        page = self.window(**window)
        page.goto(address)
        sign_in(page, name)
        return page

    def patient(self, fhir_id: str) -> str:
        """The address of a patient's page."""
        return f"/patients/{self.ward.public_id(fhir_id)}"

    def close(self) -> None:
        """Close every window."""
        for window in self._windows:
            window.close()


def sign_in(page: Page, name: str = "adams", password: str = PASSWORD) -> None:
    """Fill in the sign-in page, as it stands before one."""
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@contextmanager
def open_clinic(ward: Ward, browser: Browser) -> Iterator[Clinic]:
    """Serve what the ward holds; at the end, what a page may not do has happened on none."""
    desk = FrontDesk(ward.engine)
    settings = Settings(clock="data", sweep_seconds=3600, settle_seconds=0)
    with serving_here(create_app(settings, ward.engine)) as address:
        clinic = Clinic(ward, desk, browser, address)
        try:
            yield clinic
        finally:
            clinic.close()
    assert not clinic.watch.noted, clinic.watch.noted
