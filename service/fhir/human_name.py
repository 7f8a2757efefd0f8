"""A Patient's names as a person reads them. What cannot be read is left out: nobody is judged by it."""

from typing import Any, Final

MOST: Final = 10
"""Names of one person that are kept."""
LONGEST: Final = 200
"""Characters of a name that are kept."""

_IN_USE: Final = ("official", "usual", None, "nickname", "anonymous", "temp", "maiden", "old")
"""What a name is for, the one that people are called by first; `old` ones are found, and shown last."""


def names_in(given: Any) -> tuple[str, ...]:
    """Names as `Family, Given`, each once, the one in use first.

    Args:
        given: `Patient.name` as it came: usually an array of HumanName.
    """
    told = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    told.sort(key=lambda each: _IN_USE.index(each.get("use")) if each.get("use") in _IN_USE else 2)
    shown = (_shown(each) for each in told)
    return tuple(dict.fromkeys(name for name in shown if name))[:MOST]


def _shown(name: dict[str, Any]) -> str:
    first = name.get("given")
    parts = [one_line(name.get("family")), " ".join(map(one_line, first if isinstance(first, list) else ()))]
    said = ", ".join(part.strip() for part in parts if part.strip()) or one_line(name.get("text"))
    return said[:LONGEST].strip()


def one_line(given: Any) -> str:
    """What is printed of it, in one line; empty where it is no text."""
    return (
        " ".join("".join(c if c.isprintable() else " " for c in given).split())
        if isinstance(given, str)
        else ""
    )
