"""Finds drugs that raise the INR, may injure the liver or are meant to protect it, by code or by name.

Names match whole words in any case ("Warfarin Sodium 5 MG Oral Tablet"); the lists are the TOML files here.
Most records code a product, of a strength and a form, which no list of ingredients holds: its name is the
main road.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from service.clinical.injury_pattern import InjuryPattern
from service.clinical.results import Coding

ATC = frozenset({"http://www.whocc.no/atc", "urn:oid:2.16.840.1.113883.6.73"})
"""The systems under which FHIR gives ATC codes."""
RXNORM = frozenset({"http://www.nlm.nih.gov/research/umls/rxnorm", "urn:oid:2.16.840.1.113883.6.88"})
"""The systems under which FHIR gives RxNorm codes."""
_HERE = Path(__file__).parent
_UNLIKELY = "E"
_LETTER = r"[^\W\u3400-\u9fff]"
"""What a name may not touch: part of a longer word. Chinese is written without spaces between words."""


class Drug(NamedTuple):
    """One ingredient of a catalogue: a drug, an herb or a supplement."""

    ingredient: str
    names: tuple[str, ...]
    """Further names: other languages, salts written as one word, brands, misspellings seen in records."""
    atc: tuple[str, ...]
    """ATC codes; a code also stands for those that begin with it."""
    tag: str
    """How `likelihood` was checked: V, V2 or K, as in the rulebook."""
    drug_class: str = ""
    """What kind of drug it is: `statin`, `antituberculosis`, `herbal and dietary supplement`."""
    rxnorm: tuple[str, ...] = ()
    """RxNorm codes of the ingredient itself."""
    likelihood: str | None = None
    """LiverTox likelihood category as LiverTox writes it (`A`, `A[HD]`, `E*`), where it was read."""
    pattern: InjuryPattern | None = None
    """The injury typical of it; general knowledge."""
    latency: tuple[int, int] | None = None
    """Typical first and last day of onset after it was begun."""
    latency_tag: str = "K"
    """How `latency` was checked."""
    source: str = ""
    """Where `likelihood` was read: a key of :func:`sources`."""
    note: str = ""
    """What is said of it wherever it is shown for information."""

    @property
    def category(self) -> str | None:
        """The letter of its LiverTox category, A to E, where it was read."""
        return self.likelihood[0] if self.likelihood else None

    @property
    def may_injure(self) -> bool:
        """Category A to D, or listed here without one; E and E* are unlikely or unproven and do not count."""
        return self.category != _UNLIKELY


def _drug(row: Mapping[str, Any], note: str = "") -> Drug:
    latency = row.get("latency")
    return Drug(
        ingredient=row["ingredient"],
        names=tuple(row.get("names", ())),
        atc=tuple(row.get("atc", ())),
        tag=row["tag"],
        drug_class=row.get("class", ""),
        rxnorm=tuple(row.get("rxnorm", ())),
        likelihood=row.get("category"),
        pattern=InjuryPattern(row["pattern"]) if "pattern" in row else None,
        latency=(latency[0], latency[1]) if latency else None,
        latency_tag=row.get("latency_tag", "K"),
        source=row.get("source", ""),
        note=row.get("note", note),
    )


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    """One pattern for all names as whole words, the longest first; those of one letter tried together."""
    longest_first = sorted(names, key=lambda name: (name[0], -len(name), name))
    letters = (
        f"{re.escape(letter)}(?:{'|'.join(re.escape(name[1:]) for name in same)})"
        for letter, same in groupby(longest_first, key=itemgetter(0))
    )
    return re.compile(rf"(?<!{_LETTER})(?:{'|'.join(letters)})(?!{_LETTER})")


class _Catalogue:
    """The drugs of one file, with what it takes to find them."""

    def __init__(self, path: Path) -> None:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        note = content.get("note", "")
        self.drugs = tuple(_drug(row, note) for row in content["drug"])
        self.sources: dict[str, str] = content.get("sources", {})
        self._by_name: dict[str, tuple[Drug, ...]] = {}
        self._by_atc: dict[str, tuple[Drug, ...]] = {}
        self._by_rxnorm = {code: (drug,) for drug in self.drugs for code in drug.rxnorm}
        for drug in self.drugs:
            self._add((drug,), (drug.ingredient, *drug.names), drug.atc)
        by_ingredient = {drug.ingredient: drug for drug in self.drugs}
        for row in content.get("combination", ()):
            several = tuple(by_ingredient[name] for name in row["ingredients"])
            self._add(several, row.get("names", ()), row["atc"])
        self._pattern = _any_of(self._by_name)
        self._lengths = sorted({len(code) for code in self._by_atc})

    def _add(self, several: tuple[Drug, ...], names: tuple[str, ...], codes: tuple[str, ...]) -> None:
        self._by_name.update((name.casefold(), several) for name in names)
        self._by_atc.update((code, several) for code in codes)

    def find(self, codings: tuple[Coding, ...], text: str) -> tuple[Drug, ...]:
        """The drugs named by the codes or in the text, each once, in alphabetical order."""
        found: set[Drug] = set()
        for match in self._pattern.findall(text.casefold()):
            found.update(self._by_name[match])
        for coding in codings:
            if coding.system in ATC:
                for length in self._lengths:
                    found.update(self._by_atc.get(coding.code[:length], ()))
            elif coding.system in RXNORM:
                found.update(self._by_rxnorm.get(coding.code, ()))
        return tuple(sorted(found, key=lambda drug: drug.ingredient))


@lru_cache(maxsize=1)
def _anticoagulants() -> _Catalogue:
    return _Catalogue(_HERE / "anticoagulants.toml")


@lru_cache(maxsize=1)
def _hepatotoxic() -> _Catalogue:
    return _Catalogue(_HERE / "hepatotoxic.toml")


@lru_cache(maxsize=1)
def _hepatoprotective() -> _Catalogue:
    return _Catalogue(_HERE / "hepatoprotective.toml")


def hepatoprotective_drugs() -> tuple[Drug, ...]:
    """Every ingredient known here that is given for raised liver tests in some regions."""
    return _hepatoprotective().drugs


@lru_cache(maxsize=4096)
def hepatoprotective(codings: tuple[Coding, ...], text: str) -> tuple[Drug, ...]:
    """The drugs among them that codes and text name, in alphabetical order."""
    return _hepatoprotective().find(codings, text)


def assessed_drugs() -> tuple[Drug, ...]:
    """Every ingredient whose effect on the liver is listed, also where it is unlikely (category E or E*)."""
    return _hepatotoxic().drugs


def hepatotoxic_drugs() -> tuple[Drug, ...]:
    """Every possibly hepatotoxic ingredient known here."""
    return tuple(drug for drug in assessed_drugs() if drug.may_injure)


def sources() -> Mapping[str, str]:
    """Source key → full reference of the LiverTox categories."""
    return _hepatotoxic().sources


def anticoagulants() -> tuple[Drug, ...]:
    """Every ingredient known here to raise the INR."""
    return _anticoagulants().drugs


@lru_cache(maxsize=4096)
def raises_inr(codings: tuple[Coding, ...], text: str) -> bool:
    """Whether the drug raises the INR by itself, so that the INR says nothing of the liver."""
    return bool(_anticoagulants().find(codings, text))


@lru_cache(maxsize=4096)
def possibly_hepatotoxic(codings: tuple[Coding, ...], text: str) -> tuple[Drug, ...]:
    """The possibly hepatotoxic drugs that codes and text name, in alphabetical order; no E or E*."""
    return tuple(drug for drug in _hepatotoxic().find(codings, text) if drug.may_injure)


def hepatotoxic(codings: tuple[Coding, ...], text: str) -> frozenset[str]:
    """The possibly hepatotoxic ingredients of the drug."""
    return frozenset(drug.ingredient for drug in possibly_hepatotoxic(codings, text))
