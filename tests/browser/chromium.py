"""The browser that the pages are looked at with: Debian's Chromium, or the one that is named."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, sync_playwright

NAMED_BY: Final = "LIVERWATCH_TEST_CHROMIUM"
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def installed() -> str | None:
    """Where it is, better without what only a screen needs; None where there is none."""
    found = (shutil.which(name) for name in ("chromium-headless-shell", "chromium"))
    return os.environ.get(NAMED_BY) or next(filter(None, found), None)


@contextmanager
def open_chromium(path: str) -> Iterator[Browser]:
    """Run it; until it is closed the calling thread has a running event loop, which bars `asyncio.run`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
