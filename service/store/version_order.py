"""Which version of a resource is the latest. Pure: the answer does not depend on the order given."""

from collections.abc import Sequence
from datetime import datetime

from service.store.resources import Version


def same(one: Version, other: Version) -> bool:
    """Whether two messages carry the same version: by versionId, else by lastUpdated, else by content."""
    if one.version_id is not None and other.version_id is not None:
        return one.version_id == other.version_id
    if one.last_updated is not None and other.last_updated is not None:
        return one.last_updated == other.last_updated
    if _is_bare_removal(one) or _is_bare_removal(other):  # a retraction with a time of its own is another one
        return _is_bare_removal(one) and _is_bare_removal(other) and one.received == other.received
    return one.digest == other.digest


def latest(versions: Sequence[Version], order: str) -> tuple[Version, bool]:
    """The latest of all known versions of one resource, and whether anything orders it.

    Args:
        versions: at least one; a deletion without a version of its own orders at its receipt.
        order: `numeric` (versionId), `last-updated`, or `auto`: numeric when every versionId is a number.

    Returns:
        The version, and False where only the order of receipt could tell.
    """
    removals = [each for each in versions if _is_bare_removal(each)]
    stated = [each for each in versions if not _is_bare_removal(each)]
    if not stated:
        return max(removals, key=_receipt), True
    numeric = order == "numeric" or (order == "auto" and all(_number(each) is not None for each in stated))
    keyed = [each for each in stated if _key(each, numeric=numeric) is not None]
    unkeyed = [each for each in stated if _key(each, numeric=numeric) is None]
    candidates = [max(unkeyed, key=_receipt)] if unkeyed else []
    if keyed:
        # Of versions with one and the same time the higher number is later, where they have numbers.
        rank = lambda each: (_key(each, numeric=numeric), _number(each) or 0, *_receipt(each))  # noqa: E731
        candidates.append(max(keyed, key=rank))
    best = max(candidates, key=_receipt)
    if removals:
        removal = max(removals, key=_receipt)
        # Made no later than it came, whatever the clock of the EHR says.
        made = min(best.last_updated or best.received, best.received)
        if made <= removal.received:
            return removal, True
    return best, not unkeyed


def has_order(version: Version, order: str) -> bool:
    """Whether a version that is the only one of its resource can be told from later ones by its own word."""
    if order != "last-updated" and _number(version) is not None:
        return True
    return _is_bare_removal(version) or (order != "numeric" and version.last_updated is not None)


def _key(version: Version, *, numeric: bool) -> int | datetime | None:
    return _number(version) if numeric else version.last_updated


def _is_bare_removal(version: Version) -> bool:
    return version.state == "deleted" and version.version_id is None and version.last_updated is None


def _number(version: Version) -> int | None:
    text = version.version_id
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else None


def _receipt(version: Version) -> tuple[datetime, bytes]:
    return version.received, version.digest or b""
