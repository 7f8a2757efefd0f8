"""A site's rulebook over its parent: what the site gives replaces the parent's, entry by entry."""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from service.clinical.rulebook_reader import refused

Content = Mapping[str, Any]

OWN_KEYS = ("version", "released", "parent")
"""What a rulebook says of itself alone, never for those below it."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def merge(parent: Content, site: Content) -> dict[str, Any]:
    """The effective content: all of the parent's, with the site's entries and citations in their place.

    Raises:
        ConfigurationError: the site gives one of the parent's citations another meaning.
    """
    _check_citations(parent["citations"], site.get("citations", {}))
    inherited = {key: value for key, value in parent.items() if key not in OWN_KEYS}
    own = {key: value for key, value in site.items() if key != "parent"}
    return _over(inherited, own)


def render(content: Content) -> str:
    """Effective content as TOML, an entry a line: it reads back to the same content without any parent."""
    lines = [f"{_key(path)} = {_value(value)}" for path, value in _leaves(content, ())]
    return "\n".join(lines) + "\n"


def _over(parent: Content, site: Content) -> dict[str, Any]:
    merged = dict(parent)
    for key, value in site.items():
        below = parent.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping) and not _is_entry(below):
            merged[key] = _over(below, value)
        else:
            merged[key] = value
    return merged


def _is_entry(node: Content) -> bool:
    """Whether it is one number with its source: replaced whole, so that none keeps another's citation."""
    return "value" in node and not isinstance(node["value"], Mapping)


def _check_citations(parent: Content, site: object) -> None:
    for key, reference in site.items() if isinstance(site, Mapping) else ():
        if parent.get(key, reference) != reference:
            raise refused(
                f"citations.{key}", reference, "a key that the parent does not use for another text"
            )


def _leaves(node: Content, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping) and value and not _is_entry(value):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _key(path: tuple[str, ...]) -> str:
    return ".".join(part if _BARE.fullmatch(part) else _text(part) for part in path)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key((key,))} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, Decimal):
        plain = f"{value:f}"
        return plain if "." in plain else f"{plain}.0"
    return _text(value) if isinstance(value, str) else str(value)


def _text(value: str) -> str:
    """A TOML basic string: JSON's escapes are among TOML's, which wants one more."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
