"""What a Patient is called, for a letter; `patient` decodes what judging needs of one."""

import re
from typing import NamedTuple

import msgspec

_USES = ("official", "usual", None)
"""Of several names the first of these; any other where there is none."""
_HAN = re.compile("[\u3400-\u9fff]")


class Person(NamedTuple):
    """How a person is named in the record."""

    name: str = ""
    """Empty where the record has none."""
    identifiers: tuple[str, ...] = ()
    """Values only, in the order of the record."""


class _Name(msgspec.Struct):
    use: str | None = None
    text: str | None = None
    family: str | None = None
    given: list[str] = []


class _Identifier(msgspec.Struct):
    value: str | None = None
    use: str | None = None


class _Entry(msgspec.Struct):
    resource: "_Patient"


class _Patient(msgspec.Struct):
    name: list[_Name] = []
    identifier: list[_Identifier] = []
    entry: list[_Entry] = []
    """Of one that came in a Bundle and was kept with what it refers to: itself is the last."""


_decoder = msgspec.json.Decoder(_Patient)


def person(raw: bytes) -> Person:
    """The names in a stored Patient; none where they have no shape that FHIR gives them."""
    try:
        given = _decoder.decode(raw)
    except msgspec.DecodeError:
        return Person()
    patient = given.entry[-1].resource if given.entry else given
    names = sorted(patient.name, key=lambda each: _USES.index(each.use) if each.use in _USES else len(_USES))
    spelt = (_spelt(each) for each in names)
    return Person(
        next(filter(None, spelt), ""),
        tuple(each.value for each in patient.identifier if each.value and each.use != "old"),
    )


def _spelt(name: _Name) -> str:
    """As it is written out; a name in Chinese characters has its family first, and no spaces."""
    if name.text:
        return name.text.strip()
    family, given = name.family or "", " ".join(name.given)
    if _HAN.search(family + given):
        return family + "".join(name.given)
    return f"{given} {family}".strip()
