"""The measures as FHIR R4 Measures, beside the definitions of the rules."""

from dataclasses import dataclass
from typing import Final

from service.api.measure_groups import defined
from service.fhir import names
from service.fhir.definitions import LIBRARY_ID, Publication, Resource
from service.fhir.encode import without_nothing
from service.quality.measures import MEASURES, Measure

_SCORING: Final = "http://terminology.hl7.org/CodeSystem/measure-scoring"
_TYPE: Final = "http://terminology.hl7.org/CodeSystem/measure-type"
_IMPROVEMENT: Final = "http://terminology.hl7.org/CodeSystem/measure-improvement-notation"


@dataclass(frozen=True, slots=True)
class Published(Publication):
    """Makes the definitions of one rulebook, and those of the measures that are held to it."""

    def all_of(self, kind: str) -> list[Resource]:
        """Every definition of a kind, in a stable order."""
        if kind == "Measure":
            return [self.measure(each) for each in MEASURES]
        return Publication.all_of(self, kind)

    def measure(self, measure: Measure) -> Resource:
        """The Measure."""
        entries = self.rulebook.entries_under(measure.entries).values()
        cited = dict.fromkeys(entry.citation for entry in entries)
        return without_nothing(
            {
                "resourceType": "Measure",
                "id": measure.name,
                "url": names.canonical("Measure", measure.name),
                "identifier": [{"system": names.MEASURE, "value": measure.name}],
                **self.published(measure.name, measure.title),
                "description": f"Numerator: {measure.numerator}. Denominator: {measure.denominator}.",
                "usage": measure.caution or None,
                "relatedArtifact": [
                    {"type": "citation", "label": key, "citation": self.rulebook.citations[key]}
                    for key in cited
                ],
                "library": [names.canonical("Library", LIBRARY_ID, self.rulebook.version)],
                "scoring": {"coding": [{"system": _SCORING, "code": "proportion"}]},
                "type": [{"coding": [{"system": _TYPE, "code": "process"}]}],
                "improvementNotation": improvement(measure),
                "guidance": _guidance(measure),
                "group": defined(measure),
            }
        )


def improvement(measure: Measure) -> Resource | None:
    """Whether more or less of it is better; None where neither is."""
    if measure.more_is_better is None:
        return None
    code = "increase" if measure.more_is_better else "decrease"
    return {"coding": [{"system": _IMPROVEMENT, "code": code}]}


def _guidance(measure: Measure) -> str | None:
    if not measure.excluded:
        return None
    return "Not counted:\n" + "\n".join(f"- {each}" for each in measure.excluded)
