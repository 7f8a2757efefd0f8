"""Where two assessments of one record differ: which finding, reason or step, in which field, and how."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec


class Difference(NamedTuple):
    """One place in which an assessment says something else."""

    where: str
    """From the episode down: `transaminase 2024-01-10 > findings persistent ALT > met`."""
    before: str | None
    """What it said; None where there was nothing."""
    after: str | None
    """What it says; None where there is nothing."""


_NAMED_BY: Final[Mapping[str, tuple[str | int, ...]]] = {
    "episodes": ("family", "onset"),
    "findings": ("kind", "analyte", "first"),
    "reasons": ("name",),
    "tier_changes": ("day",),
    "latest": ("analyte",),
    "peak": ("analyte",),
    "tested": (0,),
    "causes": ("name",),
    "steps": ("name",),
    "done": (0, 1),
}
"""By what the things in a list are told from each other; those of any other list are themselves."""


def differences(before: bytes, after: bytes) -> list[Difference]:
    """How one assessment, as canonical JSON, differs from another of the same record."""
    return list(_between(msgspec.json.decode(before), msgspec.json.decode(after), ()))


def _between(before: Any, after: Any, path: tuple[str, ...]) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            if name in before and name in after:
                yield from _of_field(name, before[name], after[name], path)
            else:  # one of two releases does not know it
                said = [_said(each[name]) or "null" if name in each else None for each in (before, after)]
                yield Difference(" > ".join((*path, name)), *said)
    else:
        yield Difference(" > ".join(path), _said(before), _said(after))


def _of_field(name: str, before: Any, after: Any, path: tuple[str, ...]) -> Iterator[Difference]:
    if not (isinstance(before, list) and isinstance(after, list)):
        yield from _between(before, after, (*path, name))
        return
    then, now = _by_name(name, before), _by_name(name, after)
    orders = [each for each in then if each in now], [each for each in now if each in then]
    if orders[0] != orders[1]:
        yield Difference(" > ".join((*path, f"order of {name}")), *map(", ".join, orders))
    for each in dict.fromkeys((*then, *now)):
        yield from _between(then.get(each), now.get(each), (*path, f"{name} {each}" if each else name))


def _by_name(field: str, items: Sequence[Any]) -> dict[str, Any]:
    """The things in a list by what tells them apart; alike ones are counted."""
    named: dict[str, Any] = {}
    for item in items:
        keys = _NAMED_BY.get(field)
        name = " ".join(str(item[key]) for key in keys) if keys else _said(item) or ""
        count = sum(1 for known in named if known == name or known.startswith(f"{name} #"))
        named[f"{name} #{count + 1}" if count else name] = item
    return named


def _said(value: Any) -> str | None:
    """A value in one line; of what holds others, its own values."""
    if isinstance(value, dict):
        plain = {key: each for key, each in value.items() if not isinstance(each, dict | list)}
        return ", ".join(f"{key} {_said(each)}" for key, each in plain.items() if each is not None)
    if isinstance(value, list):
        return " ".join(filter(None, map(_said, value)))
    return None if value is None else str(value)
