"""The languages that texts are said in: gettext catalogues, with English as the source.

A catalogue is `<locale>/LC_MESSAGES/liverwatch.po`; it is compiled in memory when first needed, so there is
nothing to build. `make translations` brings the catalogues up to date with the English texts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from types import MappingProxyType
from typing import Final

from babel.core import Locale
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ENGLISH: Final = "en"
LOCALES: Final[Mapping[str, str]] = MappingProxyType({ENGLISH: "en", "zh-CN": "zh_CN"})
"""What a language is called in FHIR and in settings (BCP 47) → its locale, which names its folder."""


@dataclass(frozen=True, slots=True)
class Words:
    """Says texts in one language."""

    language: str
    """BCP 47."""
    _locale: Locale
    _translations: NullTranslations

    def say(self, text: str, **values: str | date) -> str:
        """An English text in this language, with what stands in its `{placeholders}`; dates are spelt out.

        A text that no catalogue knows is said in English.
        """
        return self.fill(self._translations.gettext(text), **values)

    def fill(self, text: str, **values: str | date) -> str:
        """A text that is in this language already, with what stands in its `{placeholders}`."""
        spelt = {
            name: format_date(value, "long", locale=self._locale) if isinstance(value, date) else value
            for name, value in values.items()
        }
        return text.format(**spelt) if spelt else text


def marked(text: str) -> str:
    """The text as it is: marks it for the catalogues, where it is said later."""
    return text


def english() -> Words:
    """The language of all that professionals read, but for letters (`phrasebook`)."""
    return words_in(ENGLISH)


@cache
def words_in(language: str) -> Words:
    """The words of one of `LOCALES`.

    Raises:
        KeyError: there is no such language.
    """
    name = LOCALES[language]
    return Words(language, Locale.parse(name), _translations(name))


def _translations(locale: str) -> NullTranslations:
    if locale == LOCALES[ENGLISH]:
        return NullTranslations()
    compiled = BytesIO()
    catalogue = files(__name__).joinpath(locale, "LC_MESSAGES", "liverwatch.po")
    with catalogue.open("rb") as file:
        write_mo(compiled, read_po(file, locale=locale))
    compiled.seek(0)
    return GNUTranslations(compiled)
