"""A letter's page as PDF/UA-1: tagged, with its language and title, and every font embedded."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final
from unicodedata import name as name_of

from service.errors import ConfigurationError

PACKAGES: Final = "letters need more packages: pip install 'liverwatch[letters]'"
PANGO: Final = (
    "letters need the library Pango, which is not on this machine: on Debian and Ubuntu "
    "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0; elsewhere as WeasyPrint's "
    "documentation says"
)
CHINESE: Final = (
    "no font on this machine holds Chinese characters: install one, on Debian and Ubuntu "
    "apt-get install fonts-noto-cjk"
)
OTHER: Final = (
    "no font on this machine holds some of the letter's characters: install one that does, on Debian and "
    "Ubuntu apt-get install fonts-noto"
)

_without_font: ContextVar[list[int] | None] = ContextVar("without_font", default=None)
"""Code points that no font holds, while a letter is printed."""


class _Listening(logging.Handler):
    """Hears WeasyPrint out and passes nothing on: what it says may quote the letter."""

    def emit(self, record: logging.LogRecord) -> None:
        found = _without_font.get()
        if found is not None and isinstance(record.args, tuple):
            found += [each for each in record.args if isinstance(each, int)]


def pdf(html: str) -> bytes:
    """The page as a PDF.

    Raises:
        ConfigurationError: WeasyPrint, Pango or a font is missing; it names what to install, and never what
            the letter says.
    """
    weasyprint = _weasyprint()
    with _listening() as missing:
        fetcher = weasyprint.urls.URLFetcher(allowed_protocols=["data"])
        printed: bytes = weasyprint.HTML(string=html, url_fetcher=fetcher).write_pdf(
            pdf_variant="pdf/ua-1", pdf_identifier=b"liverwatch"
        )
    if any(name_of(chr(each), "").startswith("CJK") for each in missing):
        raise ConfigurationError(CHINESE)
    if missing:
        raise ConfigurationError(OTHER)
    return printed


def _weasyprint() -> Any:
    try:
        import weasyprint  # noqa: PLC0415 - only who prints letters needs it
    except ImportError as error:
        raise ConfigurationError(PACKAGES, where="weasyprint") from error
    except OSError as error:
        raise ConfigurationError(PANGO) from error
    return weasyprint


@contextmanager
def _listening() -> Iterator[list[int]]:
    found: list[int] = []
    logger = logging.getLogger("weasyprint")
    if not any(isinstance(each, _Listening) for each in logger.handlers):
        logger.handlers, logger.propagate = [_Listening()], False
    before = _without_font.set(found)
    try:
        yield found
    finally:
        _without_font.reset(before)
