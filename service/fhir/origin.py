"""Where a resource comes from, and what is needed to read it."""

from datetime import tzinfo
from typing import NamedTuple

from service.clinical.rulebook import Rulebook
from service.fhir.references import NO_LINKS, Links


class Origin(NamedTuple):
    """One source, for the length of one request or file."""

    source: str
    zone: tzinfo | None
    """The zone of times that state none; None: those are unusable."""
    rulebook: Rulebook
    """For what is plausible."""
    links: Links = NO_LINKS
    """What fullUrls of the Bundle in hand lead to."""
