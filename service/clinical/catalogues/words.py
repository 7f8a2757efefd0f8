"""Whole words of a text, in any case, as the catalogues match them."""

import re
from collections.abc import Iterable

NEVER = re.compile(r"(?!)")
"""Matches nothing: for a list that is empty."""


def any_of(words: Iterable[str], around: str = "{}") -> re.Pattern[str]:
    """A pattern that finds any of these (regular expressions) as whole words of a casefolded text.

    `around` is the pattern that they stand in, with `{}` in their place.
    """
    alternatives = "|".join(words)
    return re.compile(around.format(rf"(?<!\w)(?:{alternatives})(?!\w)")) if alternatives else NEVER
