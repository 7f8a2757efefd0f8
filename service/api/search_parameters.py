"""Which search parameters there are, and reading what a client asks for with them.

Values may be patient data: messages name parameters, never values.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from service.api.instants import parse_date_query
from service.api.targets import KINDS, Kind, by_identifier, identifier_system, split_target
from service.errors import InvalidResource, MalformedInput
from service.fhir.required_codes import REQUIRED

SEARCHED: Final[dict[str, tuple[str, str]]] = {
    "patient": (
        "reference",
        (
            "By its id at the source, as Patient/id, by its URL there, or by this service's own opaque id. "
            "Merged records are one patient. Search by POST, so that no URL holds the id."
        ),
    ),
    "status": ("token", "The resource's status."),
    "identifier": ("token", "The business identifier that this service has given it."),
    "_id": ("token", "The resource's id."),
    "_lastUpdated": (
        "date",
        (
            "When this service last changed it. Results come in this order, so a client can go on from the "
            "last one it has; changes are stamped before they are committed: overlap by two minutes."
        ),
    ),
}
"""Name → FHIR search parameter type, and what it means here."""

SEARCHED_OF_PROVENANCE: Final[dict[str, tuple[str, str]]] = {
    "target": ("reference", "An alert's DetectedIssue, or what is proposed for it."),
    "recorded": ("date", "When the alert was last changed, as _lastUpdated."),
    **{name: SEARCHED[name] for name in ("patient", "_id", "_lastUpdated")},
}
"""The same of a Provenance, which has neither status nor identifier."""

DEFAULT_COUNT: Final = 50
LARGEST_COUNT: Final = 200
_MOST_PARAMETERS = 100
_MOST_VALUES = 100
_LONGEST_VALUE = 2048

_COMMA = re.compile(r"(?<!\\),")
_ESCAPED = re.compile(r"\\([,|$\\])")
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(slots=True)
class Manner:
    """How a client asks to be answered, whatever it searches for."""

    count: int = DEFAULT_COUNT
    only_count: bool = False
    total: str = ""
    """`accurate`, `none`, or anything else for what is not too costly."""
    format: str | None = None


@dataclass(slots=True, kw_only=True)
class Asked(Manner):
    """A search as a client asked for it."""

    kind: Kind
    patients: list[tuple[str, ...]] = field(default_factory=list)
    """Each of these must hold, by any one of its alternatives."""
    targets: frozenset[str] | None = None
    """Ids of resources; None: any."""
    statuses: frozenset[str] | None = None
    updated: list[tuple[str, ...]] = field(default_factory=list)
    """As `patients`, in words that :func:`parse_date_query` has read."""
    cursor: str | None = None


AskedT = TypeVar("AskedT", bound=Manner)


def read_pairs(query: bytes, form: bytes = b"") -> list[tuple[str, str]]:
    """Names and values of a query string and of a form.

    Raises:
        MalformedInput: not UTF-8, or too many.
    """
    pairs: list[tuple[str, str]] = []
    for raw in (query, form):
        try:
            text = raw.decode("ascii")
            pairs += parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
        except ValueError:
            raise MalformedInput(
                f"the search parameters are not UTF-8 in percent-encoding, or more than {_MOST_PARAMETERS}"
            ) from None
    return pairs


def parse_search(kind: Kind, pairs: Iterable[tuple[str, str]], *, strict: bool) -> Asked:
    """What a client asks for.

    Args:
        kind: of resource.
        pairs: names and values, in order.
        strict: refuse parameters that are not known rather than ignore them (`Prefer: handling=strict`).

    Raises:
        InvalidResource: a value cannot be read, a modifier is used, or (strict) a parameter is not known.
    """
    asked = Asked(kind=kind)
    read_into(asked, pairs, _READERS_OF_PROVENANCE if kind == "Provenance" else _READERS, strict=strict)
    return asked


def read_into(
    asked: AskedT,
    pairs: Iterable[tuple[str, str]],
    readers: Mapping[str, Callable[[AskedT, str, bool], None]],
    *,
    strict: bool,
) -> None:
    """Read every parameter that there is a reader for.

    Args:
        asked: what the readers write to.
        pairs: names and values, in order.
        readers: by the parameter's name; each takes a value, and whether the client is strict.
        strict: refuse parameters that are not known.

    Raises:
        InvalidResource: a value cannot be read, a modifier is used, or (strict) a parameter is not known.
    """
    for name, value in pairs:
        base, modified, _ = name.partition(":")
        if name in readers:
            if len(value) > _LONGEST_VALUE:
                raise InvalidResource(f"{name}: the value is too long")
            readers[name](asked, value, strict)
        elif base in readers and modified:
            raise InvalidResource(f"{base}: modifiers are not supported here")
        elif strict:
            raise InvalidResource(f"a search parameter is not known here; known: {', '.join(readers)}")


def alternatives(name: str, value: str) -> tuple[str, ...]:
    """The values between commas.

    Raises:
        InvalidResource: one is empty, or there are too many.
    """
    found = tuple(_ESCAPED.sub(r"\1", each) for each in _COMMA.split(value))
    if not all(found):
        raise InvalidResource(f"{name}: the value is empty")
    if len(found) > _MOST_VALUES:
        raise InvalidResource(f"{name}: at most {_MOST_VALUES} values at once")
    return found


def _patient(asked: Asked, value: str, _strict: bool) -> None:
    asked.patients.append(alternatives("patient", value))


def _id(asked: Asked, value: str, _strict: bool) -> None:
    _narrow(asked, frozenset(each for each in alternatives("_id", value) if split_target(asked.kind, each)))


def _identifier(asked: Asked, value: str, _strict: bool) -> None:
    found: set[str] = set()
    for each in _COMMA.split(value):
        system, bar, rest = each.partition("|")
        system, rest = _ESCAPED.sub(r"\1", system), _ESCAPED.sub(r"\1", rest)
        if not each or each == "|":
            raise InvalidResource("identifier: the value is empty")
        if bar and not rest:
            if system == identifier_system(asked.kind):
                return  # everything here has one of that system
            continue
        target = by_identifier(asked.kind, system if bar else None, rest if bar else system)
        if target is not None:
            found.add(target)
    if len(found) > _MOST_VALUES:
        raise InvalidResource(f"identifier: at most {_MOST_VALUES} values at once")
    _narrow(asked, frozenset(found))


def _narrow(asked: Asked, targets: frozenset[str]) -> None:
    asked.targets = targets if asked.targets is None else asked.targets & targets


def _status(asked: Asked, value: str, _strict: bool) -> None:
    allowed = REQUIRED[f"{asked.kind}.status"]
    found = frozenset(each.rpartition("|")[2] for each in alternatives("status", value))
    if not found <= allowed:
        raise InvalidResource(f"status: give one of {', '.join(sorted(allowed))}")
    asked.statuses = found if asked.statuses is None else asked.statuses & found


def _last_updated(asked: Asked, value: str, _strict: bool) -> None:
    _when(asked, "_lastUpdated", value)


def _recorded(asked: Asked, value: str, _strict: bool) -> None:
    _when(asked, "recorded", value)


def _when(asked: Asked, name: str, value: str) -> None:
    found = alternatives(name, value)
    for each in found:
        parse_date_query(each, name)
    asked.updated.append(found)


def _target(asked: Asked, value: str, _strict: bool) -> None:
    found = set()
    for each in alternatives("target", value):
        rest, _, identity = each.rpartition("/")
        stated = rest.rpartition("/")[2]
        for kind in KINDS:
            named = split_target(kind, identity) if stated in ("", kind) and kind != "Provenance" else None
            if named is not None:
                found.add(str(named[0]))
    _narrow(asked, frozenset(found))


def _count(asked: Manner, value: str, _strict: bool) -> None:
    if not _NUMBER.fullmatch(value):
        raise InvalidResource("_count: give a whole number")
    asked.count = min(int(value), LARGEST_COUNT)
    asked.only_count = asked.only_count or asked.count == 0


def _total(asked: Manner, value: str, strict: bool) -> None:
    check_choice("_total", value, ("accurate", "estimate", "none"), strict)
    asked.total = value


def _summary(asked: Manner, value: str, strict: bool) -> None:
    check_choice("_summary", value, ("count", "false"), strict)
    asked.only_count = asked.only_count or value == "count"


def _sort(_asked: Asked, value: str, strict: bool) -> None:
    check_choice("_sort", value, ("_lastUpdated",), strict)


def _pretty(_asked: Manner, value: str, strict: bool) -> None:
    check_choice("_pretty", value, ("true", "false"), strict)


def _format(asked: Manner, value: str, _strict: bool) -> None:
    asked.format = value


def _cursor(asked: Asked, value: str, _strict: bool) -> None:
    asked.cursor = value


def check_choice(name: str, value: str, choices: tuple[str, ...], strict: bool) -> None:
    """Refuse, where the client is strict, what is none of the choices.

    Raises:
        InvalidResource: it is not.
    """
    if strict and value not in choices:
        raise InvalidResource(f"{name}: supported here: {', '.join(choices)}")


MANNER: Final[dict[str, Callable[[Manner, str, bool], None]]] = {
    "_count": _count,
    "_total": _total,
    "_summary": _summary,
    "_format": _format,
    "_pretty": _pretty,
}
"""What reads each parameter that every search has."""

_READERS: Final[dict[str, Callable[[Asked, str, bool], None]]] = {
    "patient": _patient,
    "status": _status,
    "identifier": _identifier,
    "_id": _id,
    "_lastUpdated": _last_updated,
    **MANNER,
    "_sort": _sort,
    "_cursor": _cursor,
}

_READERS_OF_PROVENANCE: Final[dict[str, Callable[[Asked, str, bool], None]]] = {
    **{name: read for name, read in _READERS.items() if name not in ("status", "identifier")},
    "target": _target,
    "recorded": _recorded,
}

CONTROL: Final = tuple(name for name in _READERS if name not in SEARCHED)
"""Parameters that say how to answer rather than what to find."""
