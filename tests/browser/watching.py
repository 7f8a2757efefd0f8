"""What no page may ever do, whoever wrote the texts on it: noted in every window that is watched."""

from dataclasses import dataclass, field
from typing import Final

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Request

MARKER: Final = "hostile"
"""A global name that only a script among the texts on a page would set."""
CANARY: Final = "canary.test"
"""A host that only markup among the texts on a page would ask for something."""

_SCRIPT = f"""
addEventListener("securitypolicyviolation", event =>
    notedByTheWatch(`${{event.effectiveDirective}} stopped ${{event.blockedURI}}`));
Object.defineProperty(window, "{MARKER}", {{set() {{ notedByTheWatch("a script ran"); }}}});
"""


@dataclass
class Watch:
    """Over windows that may ask for nothing but what is at `address`."""

    address: str
    noted: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        """Watch every page of these windows from now on."""
        context.expose_binding("notedByTheWatch", lambda _, words: self.noted.append(words))
        context.add_init_script(_SCRIPT)
        context.on("dialog", self._dialog)
        context.on("weberror", lambda error: self.noted.append(f"a script failed: {error.error}"))
        context.on("request", self._request)
        context.on("console", self._console)

    def _dialog(self, dialog: Dialog) -> None:
        self.noted.append(f"a dialog opened: {dialog.type}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.address}/", "data:")):
            self.noted.append(f"asked for {request.url}")

    def _console(self, message: ConsoleMessage) -> None:
        # Where scripts are off there are no events, but Chromium still says what the policy stopped.
        if "Content Security Policy" in message.text:
            self.noted.append(message.text)
