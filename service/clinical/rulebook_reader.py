"""Reads a rulebook's tables into frozen dataclasses, and says what is wrong with one that does not fit.

Every value is an inline table `{ value = 33, citation = "acg-2017", tag = "V" }`. Which keys exist, and of
which type, follows from the dataclasses alone; numbers are kept exact (int or Decimal, never float).
"""

import dataclasses
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum
from itertools import pairwise
from typing import Any, NamedTuple, TypeGuard, get_args, get_origin, get_type_hints

from service.clinical.analytes import Analyte
from service.errors import ConfigurationError

TAGS = ("V", "V2", "K")
"""V: read in the source; V2: in a secondary source; K: general knowledge, to be confirmed by the site."""


MISSING: Any = object()
"""Stands for what is not there, in messages."""
_LONGEST = 80
"""Characters of a found value that a message repeats."""
_NO_MARKS: Mapping[str, Any] = {}
_MOST = 1_000_000
_MOST_WHOLE = 36_500
"""Days, months or hours: a date so far away still is one."""
_LEAST = Decimal("1e-9")
_DIGITS = 20
"""Beyond these numbers no arithmetic is promised, and none is a threshold."""


class Entry(NamedTuple):
    """One number or choice of the rulebook, with where it comes from."""

    value: Decimal | int | str
    citation: str
    """A key of the rulebook's citations."""
    tag: str
    """One of :data:`TAGS`."""


def refused(path: str, found: object, accepted: str) -> ConfigurationError:
    """The error that names the key, what stands there and what may stand there."""
    return ConfigurationError(f"rulebook: {path}: found {_shown(found)}; accepted: {accepted}", where=path)


def _shown(found: object) -> str:
    if found is MISSING:
        return "nothing"
    if isinstance(found, Mapping):
        return f"a table with the keys {', '.join(sorted(map(str, found))) or '(none)'}"
    if isinstance(found, int) and found.bit_length() > 8 * _LONGEST:
        return "a number too large"
    text = str(found) if isinstance(found, Decimal) else repr(found)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


class Reader:
    """Walks the parsed text along the dataclasses, keeping the provenance of every value in `entries`."""

    def __init__(self, citations: frozenset[str]) -> None:
        self.citations = citations
        self.entries: dict[str, Entry] = {}
        self.problems: list[ConfigurationError] = []
        """Everything that does not fit; what was read is of use only while there is nothing."""

    def read(self, kind: Any, found: Any, path: str, marks: Mapping[str, Any] = _NO_MARKS) -> Any:
        """The value of type `kind` that stands at `path`; MISSING, and a problem more, where it does not fit.

        `marks` is the field's metadata: `required` analytes of a table by analyte, `zero` where 0 is allowed,
        `signed` where any number is, the `most` a number may be.
        """
        if get_origin(kind) is dict:
            return self._by_analyte(get_args(kind)[1], found, path, marks.get("required", ()))
        if dataclasses.is_dataclass(kind):
            return self._table(kind, found, path)
        try:
            return self._leaf(kind, found, path, marks)
        except ConfigurationError as problem:
            self.problems.append(problem)
            return MISSING

    def _table(self, kind: Any, found: Any, path: str) -> Any:
        fields = {field.name: field for field in dataclasses.fields(kind)}
        if not self._has_keys(found, tuple(fields), tuple(fields), path):
            return MISSING
        hints = get_type_hints(kind)
        values = {
            name: self.read(hints[name], found[name], _join(path, name), field.metadata)
            for name, field in fields.items()
            if name in found
        }
        for names in getattr(kind, "ascending", ()):
            self._check_ascending(values, names, path)
        if len(values) < len(fields) or MISSING in values.values():
            return MISSING
        return kind(**values)

    def _by_analyte(self, kind: Any, found: Any, path: str, required: tuple[Analyte, ...]) -> Any:
        if not self._has_keys(found, tuple(Analyte), required, path):
            return MISSING
        known = [key for key in found if key in tuple(Analyte)]
        return {Analyte(key): self.read(kind, found[key], _join(path, key)) for key in known}

    def _leaf(self, kind: Any, found: Any, path: str, marks: Mapping[str, Any]) -> Any:
        for problem in _wrong_keys(found, Entry._fields, Entry._fields, path):
            raise problem
        citation, tag = found["citation"], found["tag"]
        if not isinstance(citation, str) or citation not in self.citations:
            known = ", ".join(sorted(self.citations))
            raise refused(f"{path}.citation", citation, f"a key of [citations]: {known}")
        if tag not in TAGS:
            raise refused(f"{path}.tag", tag, ", ".join(TAGS))
        value = _typed(kind, found["value"], f"{path}.value", marks)
        self.entries[path] = Entry(value, citation, tag)
        return value

    def _check_ascending(self, values: Mapping[str, Any], names: tuple[str, ...], path: str) -> None:
        given = [name for name in names if values.get(name, MISSING) is not MISSING]
        for lower, higher in pairwise(given):
            if not values[lower] < values[higher]:
                accepted = f"more than {lower} ({values[lower]})"
                self.problems.append(refused(_join(path, higher), values[higher], accepted))

    def _has_keys(
        self, found: Any, known: tuple[str, ...], required: tuple[str, ...], path: str
    ) -> TypeGuard[Mapping[str, Any]]:
        """Whether it is a table at all; keys too many and too few are noted."""
        self.problems += _wrong_keys(found, known, required, path)
        return isinstance(found, Mapping)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _wrong_keys(
    found: Any, known: tuple[str, ...], required: tuple[str, ...], path: str
) -> Iterator[ConfigurationError]:
    if not isinstance(found, Mapping):
        yield refused(path, found, f"a table with the keys {', '.join(known)}")
        return
    for name in required:
        if name not in found:
            needed = f"this key; {path or 'the rulebook'} needs {', '.join(required)}"
            yield refused(_join(path, name), MISSING, needed)
    for name in found:
        if name not in known:
            yield refused(_join(path, name), found[name], f"one of the keys {', '.join(known)}")


def _typed(kind: Any, value: object, path: str, marks: Mapping[str, Any]) -> Any:
    if issubclass(kind, Enum):
        return _choice(kind, value, path)
    zero, signed = marks.get("zero", False), marks.get("signed", False)
    most: Decimal | int = marks.get("most", _MOST_WHOLE if kind is int else _MOST)
    least = "that is not negative" if zero else "over 0"
    accepted = f"a {'whole ' if kind is int else ''}number {least}, at most {most}"
    number: tuple[type[int | Decimal], ...] = (int,) if kind is int else (int, Decimal)
    if isinstance(value, bool) or not isinstance(value, number) or not Decimal(value).is_finite():
        raise refused(path, value, accepted)
    if not signed and (value < 0 or (value == 0 and not zero)):
        raise refused(path, value, accepted)
    size = Decimal(value).copy_abs()
    if size > most:
        raise refused(path, value, accepted)
    if 0 < size < _LEAST or len(Decimal(value).as_tuple().digits) > _DIGITS:
        raise refused(path, value, f"{accepted}, of at most {_DIGITS} digits and not below {_LEAST}")
    return value if kind is int else Decimal(value)


def _choice(kind: type[Enum], value: object, path: str) -> Enum:
    names = {member.name.lower(): member for member in kind}
    if not isinstance(value, str) or value not in names:
        raise refused(path, value, ", ".join(names))
    return names[value]
