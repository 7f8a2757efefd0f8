"""Tells whether a recorded condition is a pregnancy, by code or by its text."""

from service.clinical.catalogues.conditions import says
from service.clinical.results import Coding


def is_pregnancy(codings: tuple[Coding, ...], text: str) -> bool:
    """Whether the condition says that the patient is pregnant; its text counts where no code is known."""
    return says("pregnancy", codings, text)
