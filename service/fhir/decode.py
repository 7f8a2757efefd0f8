"""The door: bytes that `check_json` has passed → what they say to this service."""

from datetime import tzinfo

from service.clinical.rulebook import Rulebook
from service.fhir.bundles import decode_bundle, is_extract
from service.fhir.incoming import Incoming
from service.fhir.origin import Origin
from service.fhir.references import NO_LINKS
from service.fhir.resource import READ_TYPES, decode, decode_addressed, resource_type, tombstone

__all__ = [
    "READ_TYPES",
    "decode_addressed",
    "decode_bundle",
    "decode_resource",
    "resource_type",
    "tombstone",
]


def decode_resource(raw: bytes, *, source: str, zone: tzinfo | None, rulebook: Rulebook) -> Incoming:
    """Decode one resource of any type, or again what a Bundle's entry left in `Incoming.raw`.

    Args:
        raw: JSON that `check_json` has passed; kept verbatim in the answer.
        source: name of the source, part of every result's key.
        zone: of times that state none; None makes those unusable.
        rulebook: what values are plausible.

    Raises:
        InvalidResource: it is no FHIR resource at all (not an object, no resourceType), or it is a Bundle.
    """
    if is_extract(raw):
        return decode_bundle(raw, source=source, zone=zone, rulebook=rulebook)[-1]._replace(raw=raw)
    # As `Origin(...)`, in half the time.
    return decode(raw, tuple.__new__(Origin, (source, zone, rulebook, NO_LINKS)))
