"""Tells whether a recorded condition is a pregnancy, by code or by its text."""

from functools import lru_cache

from service.clinical.catalogues.concepts import Catalogue
from service.clinical.results import Coding


@lru_cache(maxsize=1)
def _catalogue() -> Catalogue:
    return Catalogue("pregnancy.toml")


@lru_cache(maxsize=4096)
def is_pregnancy(codings: tuple[Coding, ...], text: str) -> bool:
    """Whether the condition says that the patient is pregnant; its text counts where no code is known."""
    return bool(_catalogue().find(codings, text))
