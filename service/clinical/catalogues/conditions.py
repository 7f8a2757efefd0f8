"""Tells which conditions that bear on the liver, or on what its tests show, a recorded condition is."""

from functools import lru_cache

from service.clinical.catalogues.concepts import Catalogue, Concept
from service.clinical.results import Coding


@lru_cache(maxsize=1)
def _catalogue() -> Catalogue:
    return Catalogue("conditions.toml")


def known_conditions() -> tuple[Concept, ...]:
    """Every condition that is recognised."""
    return _catalogue().concepts


@lru_cache(maxsize=4096)
def concepts_of(codings: tuple[Coding, ...], text: str) -> frozenset[str]:
    """The names of the conditions in `conditions.toml` that codes and text say the patient has.

    A type 2 diabetes is also `diabetes`. Chronic conditions count from a history of them too. Whether the
    recorded condition still holds is its own period's matter.
    """
    return _catalogue().find(codings, text)
