"""What keeps people from using a page: axe-core's rules of WCAG 2.2 AA, and a page wider than its screen."""

from typing import Any, Final, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

WIDTHS: Final = (1280, 768, 320)
HEIGHT: Final = 800
_EVERY_RULE: Final = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
_COLOURS: Final = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}


def faults(page: Page) -> list[str]:
    """Everything found on a page as it stands, at each width, in light and in dark."""
    page.evaluate(AXE_SCRIPT)
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        found += _found(page, "light", _EVERY_RULE)
        found += _found(page, "dark", _COLOURS)  # nothing else differs
        needed = page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            found.append(f"{width} px: the page is {needed} px wide")
    return found


def _found(page: Page, scheme: Literal["light", "dark"], rules: dict[str, Any]) -> list[str]:
    page.emulate_media(color_scheme=scheme)
    violations = page.evaluate("async rules => (await axe.run(document, rules)).violations", rules)
    width = page.evaluate("innerWidth")
    return [
        f"{width} px, {scheme}: {each['id']}: {node['html'][:200]} {node['failureSummary']}"
        for each in violations
        for node in each["nodes"]
    ]
