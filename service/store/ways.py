"""By which way a version of a resource came: so that what a feed brought is told from what it lost."""

from typing import Final, Literal, get_args

Way = Literal["file", "history", "catch-up", "feed"]
"""`file`: in a file, or an export in bulk. `history`: with the past of a patient who was seen first.
`catch-up`: found by asking for what changed, or by number after notifications had passed it over.
`feed`: sent by the source's feed, or fetched because the feed pointed at it."""

WAYS: Final[tuple[Way, ...]] = get_args(Way)
"""A version that came by several ways is noted under the last of these, whichever brought it first."""


def outranks(way: Way, other: Way) -> bool:
    """Whether a version that came by both is noted under `way`."""
    return WAYS.index(way) > WAYS.index(other)
