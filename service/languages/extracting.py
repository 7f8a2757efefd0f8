"""Which texts of the catalogues are translated: for `pybabel extract`, by way of `make translations`."""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any

Message = tuple[int, str, str, list[str]]
"""Line (not known: 0), gettext function, text, comments for the translator."""


def texts(
    file: IO[bytes], _keywords: Collection[str], _tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Message]:
    """The texts of a catalogue that are said to an audience.

    Args:
        file: TOML, a table for each entry.
        options: of the mapping in pyproject.toml: `audience`, whose texts are meant.
    """
    for name, entry in tomllib.load(file).items():
        if entry.get("audience") == options["audience"]:
            yield 0, "gettext", entry["text"], [name]
