"""Which texts of the catalogues are translated: for `pybabel extract`, by way of `make translations`."""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any

Message = tuple[int, str, str, list[str]]
"""Line (not known: 0), gettext function, text, comments for the translator."""


def patient_texts(
    file: IO[bytes], _keywords: Mapping[str, Any], _tags: Collection[str], _options: Mapping[str, Any]
) -> Iterator[Message]:
    """What patients read of a catalogue: the entries said to them (`audience`), and paragraphs that are."""
    for name, entry in tomllib.load(file).items():
        if entry.get("audience") == "patient":
            comments = [f"{name}. {entry.get('translators', '')}".strip()]
            yield 0, "gettext", entry["text"], comments
