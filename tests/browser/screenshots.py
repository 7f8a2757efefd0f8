"""Take the README's pictures of the pages, of the clinic that `liverwatch demo` makes.

From the top of the repository: `make screenshots`, or .venv/bin/python -m tests.browser.screenshots FOLDER
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, NamedTuple

from service.demo.clinic import SOURCE, fill
from service.demo.nurses import NURSES
from service.store.migrate import migrate
from service.store.session import open_engine
from tests.browser.chromium import installed, open_chromium
from tests.browser.clinic import Clinic, open_clinic
from tests.dashboard.ward import RULES, Ward


class Shot(NamedTuple):
    """One picture."""

    name: str
    address: str
    width: int
    """Of the screen, in CSS pixels."""
    height: int
    scheme: Literal["light", "dark"]
    first_patient: bool = False
    """Whether the page of the first patient listed at the address is meant, not the list."""


SHOTS: Final = (
    Shot("worklist", "/", 1280, 900, "light"),
    Shot("worklist-phone-dark", "/", 400, 900, "dark"),
    Shot("patient", "/?tier=urgent&family=transaminase", 1280, 1000, "light", first_patient=True),
)


def take(clinic: Clinic, shot: Shot, folder: Path) -> None:
    """Open the page and keep what is seen of it."""
    screen = {"width": shot.width, "height": shot.height}
    page = clinic.at(address=shot.address, viewport=screen, color_scheme=shot.scheme)
    if shot.first_patient:
        page.get_by_role("heading", level=3).get_by_role("link").first.click()
        page.locator("#course svg").wait_for()
    page.screenshot(path=folder / f"{shot.name}.png")


@contextmanager
def open_demo(path: str) -> Iterator[Clinic]:
    """The demo's clinic, served, with an account for one of its nurses."""
    with tempfile.TemporaryDirectory(prefix="liverwatch-screenshots-") as name:
        engine = open_engine(f"sqlite:///{name}/liverwatch.db", durable=False)
        migrate(engine)
        fill(engine, RULES)
        with open_chromium(path) as browser, open_clinic(Ward(engine, Path(name)), browser) as clinic:
            clinic.desk.account(sees=(SOURCE,), shown=NURSES[0])
            yield clinic
        engine.dispose()


def main(folder: Path) -> None:
    """Take every picture."""
    path = installed()
    if path is None:
        sys.exit("There is no browser: install chromium")
    with open_demo(path) as clinic:
        for shot in SHOTS:
            take(clinic, shot, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
