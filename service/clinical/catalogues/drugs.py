"""Finds drugs that raise the INR or may injure the liver, by ATC code or by ingredient name.

Names match whole words in any case ("Warfarin Sodium 5 MG Oral Tablet"); the lists are the TOML files here.
"""

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from service.clinical.results import Coding

ATC = frozenset({"http://www.whocc.no/atc", "urn:oid:2.16.840.1.113883.6.73"})
"""The systems under which FHIR gives ATC codes."""
_HERE = Path(__file__).parent


class Drug(NamedTuple):
    """One ingredient of a catalogue."""

    ingredient: str
    names: tuple[str, ...]
    """Further names: other languages, salts written as one word, brands, misspellings seen in records."""
    atc: tuple[str, ...]
    """ATC codes; a code also stands for those that begin with it."""
    category: str | None
    """LiverTox likelihood category, where it could be verified."""
    tag: str
    """V, V2 or K, as in the rulebook."""


class _Catalogue:
    """The drugs of one file, with what it takes to find them."""

    def __init__(self, path: Path) -> None:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        self.drugs = tuple(
            Drug(
                row["ingredient"],
                tuple(row.get("names", ())),
                tuple(row.get("atc", ())),
                row.get("category"),
                row["tag"],
            )
            for row in content["drug"]
        )
        self._by_name = {
            name.casefold(): drug.ingredient for drug in self.drugs for name in (drug.ingredient, *drug.names)
        }
        names = sorted(self._by_name, key=len, reverse=True)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")
        self._by_code = {code: drug.ingredient for drug in self.drugs for code in drug.atc}
        self._lengths = sorted({len(code) for code in self._by_code})

    def find(self, codings: tuple[Coding, ...], text: str) -> frozenset[str]:
        """The ingredients named by the codes or in the text."""
        found = {self._by_name[match] for match in self._pattern.findall(text.casefold())}
        for coding in codings:
            if coding.system in ATC:
                starts = (coding.code[:length] for length in self._lengths)
                found.update(self._by_code[start] for start in starts if start in self._by_code)
        return frozenset(found)


@lru_cache(maxsize=1)
def _anticoagulants() -> _Catalogue:
    return _Catalogue(_HERE / "anticoagulants.toml")


@lru_cache(maxsize=1)
def _hepatotoxic() -> _Catalogue:
    return _Catalogue(_HERE / "hepatotoxic.toml")


def hepatotoxic_drugs() -> tuple[Drug, ...]:
    """Every possibly hepatotoxic ingredient known here."""
    return _hepatotoxic().drugs


def anticoagulants() -> tuple[Drug, ...]:
    """Every ingredient known here to raise the INR."""
    return _anticoagulants().drugs


@lru_cache(maxsize=4096)
def raises_inr(codings: tuple[Coding, ...], text: str) -> bool:
    """Whether the drug raises the INR by itself, so that the INR says nothing of the liver."""
    return bool(_anticoagulants().find(codings, text))


@lru_cache(maxsize=4096)
def hepatotoxic(codings: tuple[Coding, ...], text: str) -> frozenset[str]:
    """The possibly hepatotoxic ingredients of the drug."""
    return _hepatotoxic().find(codings, text)
