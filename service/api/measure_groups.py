"""The groups of a measure in FHIR R4: as its Measure defines them and as a MeasureReport fills them.

The first is the proportion, numerator by denominator. R4 has one score a group, so the median and the 90th
percentile of a measure's amounts each have one of their own, and so has what is told apart by reason: reasons
are of the denominator, whether a case is of the numerator or not.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from service.fhir.definitions import Resource
from service.fhir.encode import without_nothing
from service.quality.measures import Figure, Measure
from service.quality.measures.masking import Masked, Shown
from service.quality.measures.strata import HEADINGS, REASON

OF_EVERY: Final = ("source", "sex", "age", "ethnicity", "language")
"""Dimensions by which the people behind every measure are told apart."""
_POPULATION: Final = "http://terminology.hl7.org/CodeSystem/measure-population"
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_MASKED: Final[Resource] = {"extension": [{"url": _ABSENT, "valueCode": "masked"}]}
_UCUM: Final[Mapping[str, str]] = {"minutes": "min", "hours": "h", "days": "d"}
_QUANTILES: Final[Mapping[str, Callable[[Figure], float | None]]] = {
    "Median": lambda figure: figure.median,
    "90th percentile": lambda figure: figure.p90,
}


def defined(measure: Measure) -> list[Resource]:
    """As its Measure defines them."""
    by = [_criterion(HEADINGS[each]) for each in dimensions(measure)]
    of_both = [
        {**population("numerator"), **_said(measure.numerator)},
        {**population("denominator"), **_said(measure.denominator)},
    ]
    groups: list[Resource] = [{**called(measure), "population": of_both, "stratifier": by}]
    if measure.unit is not None:
        amounts = {**population("measure-population"), **_said(measure.amount)}
        groups += [{**_of(name, measure), "population": [amounts], "stratifier": by} for name in _QUANTILES]
    if measure.reasons:
        why = [_criterion(measure.reasons)]
        groups.append({"code": {"text": measure.reasons}, "population": of_both[1:], "stratifier": why})
    return groups


def reported(measure: Measure, shown: Shown) -> list[Resource]:
    """As a summary fills them."""
    tables = {HEADINGS[each]: shown.strata.get(each, {}) for each in dimensions(measure)}
    groups = [{**called(measure), **_counts(shown.total), "stratifier": _by(tables, _counts)}]
    if measure.unit is not None:
        for name, quantile in _QUANTILES.items():
            score = partial(_score, quantile, measure.unit)
            groups.append({**_of(name, measure), **score(shown.total), "stratifier": _by(tables, score)})
    if measure.reasons:
        why = _by({measure.reasons: shown.strata.get(REASON, {})}, _so_often)
        total = {"population": _counts(shown.total)["population"][1:]}
        groups.append({"code": {"text": measure.reasons}, **total, "stratifier": why})
    return [without_nothing(each) for each in groups]


def dimensions(measure: Measure) -> tuple[str, ...]:
    """By what its cases are told apart, but for reasons."""
    return (*OF_EVERY, *measure.counts.by)


def called(measure: Measure) -> Resource:
    """What its first group is called."""
    return {"code": {"text": measure.title}}


def population(name: str) -> Resource:
    """What a population of a group is called."""
    return {"code": {"coding": [{"system": _POPULATION, "code": name}]}}


def _of(quantile: str, measure: Measure) -> Resource:
    return {"code": {"text": f"{quantile} of the {measure.unit} {measure.amount}"}}


def _by(
    tables: Mapping[str, Mapping[str, Figure | Masked]], told: Callable[[Figure | Masked], Resource]
) -> list[Resource]:
    """The tables by their headings; strata of which nothing is told are left out."""
    found = []
    for heading, table in tables.items():
        strata = [{"value": {"text": label}, **said} for label, each in table.items() if (said := told(each))]
        found.append(without_nothing({"code": [{"text": heading}], "stratum": strata}))
    return found


def _counts(figure: Figure | Masked) -> Resource:
    """Populations and score; of what is masked, that it is."""
    if isinstance(figure, Masked):
        hidden = [{**population(name), "_count": _MASKED} for name in ("numerator", "denominator")]
        return {"population": hidden, "measureScore": _MASKED}
    shown = [
        {**population("numerator"), "count": figure.numerator},
        {**population("denominator"), "count": figure.denominator},
    ]
    score = {} if figure.rate is None else {"measureScore": {"value": round(figure.rate, 6)}}
    return {"population": shown, **score}


def _score(quantile: Callable[[Figure], float | None], unit: str, figure: Figure | Masked) -> Resource:
    """A quantile as the score; nothing where there is none, or it would be of few people."""
    if isinstance(figure, Masked):
        return {"measureScore": _MASKED}
    value = quantile(figure)
    if value is None:
        return {}
    quantity = {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": _UCUM[unit]}
    return {"measureScore": quantity}


def _so_often(figure: Figure | Masked) -> Resource:
    """How many of the denominator are so."""
    count = {"_count": _MASKED} if isinstance(figure, Masked) else {"count": figure.numerator}
    return {"population": [{**population("denominator"), **count}]}


def _criterion(heading: str) -> Resource:
    return {"code": {"text": heading}, "description": f"By {heading.lower()}", "criteria": _criteria(heading)}


def _said(words: str) -> Resource:
    return {"description": words, "criteria": _criteria(words)}


def _criteria(words: str) -> dict[str, Any]:
    """In words: what is counted is counted by this service, and nobody else has to run it."""
    return {"language": "text/plain", "expression": words}
