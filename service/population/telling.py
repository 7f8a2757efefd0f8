"""A story → the resources that an EHR would send of it, in the order in which they came about."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Final

from service.clinical.analytes import LOINC, Analyte
from service.clinical.limits import LOW_IS_ABNORMAL
from service.clinical.results import Coding, Progress, Sex
from service.population import codes, resources
from service.population.laboratories import Laboratory, Scale, scale
from service.population.resources import Resource, concept, quantity, versioned
from service.population.story import Mishap, Slip, Story, Visit
from service.population.variation import varied

_ADULT_YEARS: Final = 18
_MORNING: Final = time(7, 0)
_TITLES: Final = {
    Analyte.ALT: "ALT",
    Analyte.AST: "AST",
    Analyte.ALP: "Alkaline phosphatase",
    Analyte.GGT: "Gamma-GT",
    Analyte.TOTAL_BILIRUBIN: "Bilirubin, total",
    Analyte.DIRECT_BILIRUBIN: "Bilirubin, direct",
    Analyte.ALBUMIN: "Albumin",
    Analyte.PLATELETS: "Platelets",
    Analyte.INR: "INR",
    Analyte.CREATINE_KINASE: "Creatine kinase",
}


def told(story: Story) -> Iterator[Resource]:
    """Every resource of one person. The same story gives them only once: measuring draws on its chance."""
    return _Teller(story).everything()


class _Teller:
    def __init__(self, story: Story) -> None:
        self._story = story
        self._who = story.person
        self._count = 0
        self._child = story.age() < _ADULT_YEARS

    def everything(self) -> Iterator[Resource]:
        yield resources.patient(self._who, self._moment(self._first(), time(6)))
        yield from self._ailments()
        yield from self._drugs()
        for visit in sorted(self._story.visits, key=lambda each: -each.ago):
            yield from self._panel(visit)
        yield from self._context()
        yield from self._examinations()
        for mishap in self._story.mishaps:
            yield from self._mishap(mishap)

    def _first(self) -> int:
        """Days ago of the first visit: then the record was begun."""
        return max((visit.ago for visit in self._story.visits), default=0)

    def _start(self, kind: str, ago: int, version: int = 1, *, again: bool = False) -> Resource:
        """The beginning of the next resource, or of another version of the last one."""
        self._count += not again
        hour = time(15 + version, 20)
        return versioned(kind, f"{self._who.id}-{self._count}", self._moment(ago, hour), version)

    def _moment(self, ago: int, at: time) -> datetime:
        offset = self._who.laboratory.offset
        return datetime.fromisoformat(f"{self._story.day_of(ago)}T{at.isoformat()}{offset}")

    def _ailments(self) -> Iterator[Resource]:
        story = self._story
        for each in story.ailments:
            code = codes.condition(each.name)
            named = concept(each.text, [code] if code else [])
            until = None if each.until is None else story.day_of(each.until)
            start = self._start("Condition", each.since if each.until is None else each.until)
            yield resources.condition(start, self._who, named, story.day_of(each.since), until)

    def _drugs(self) -> Iterator[Resource]:
        story = self._story
        for index, each in enumerate(story.drugs):
            prescribed = (self._who.number + index) % 3 > 0
            tell = resources.order if prescribed else resources.statement
            kind = "MedicationRequest" if prescribed else "MedicationStatement"
            start = self._start(kind, each.begun if each.stopped is None else each.stopped)
            stopped = None if each.stopped is None else story.day_of(each.stopped)
            named = concept(each.text, codes.drug(each.ingredient))
            yield tell(start, self._who, named, story.day_of(each.begun), stopped)

    def _panel(self, visit: Visit) -> Iterator[Resource]:
        began = self._moment(visit.ago, _MORNING)
        taken = (began + timedelta(minutes=self._story.chance.randrange(180))).isoformat()
        for analyte in visit.analytes:
            multiple = varied(analyte, self._story.at(analyte, visit.ago), self._story.chance)
            yield self._result(self._start("Observation", visit.ago), analyte, multiple, taken)

    def _result(
        self, start: Resource, analyte: Analyte, multiple: float, taken: str, status: str = "final"
    ) -> Resource:
        how = self._scale(analyte)
        value = max(round(multiple * how.limit, how.decimals), 10.0**-how.decimals)
        return resources.observation(
            start,
            self._who,
            _code(analyte, by_substance=self._who.laboratory.by_substance),
            taken,
            {"valueQuantity": quantity(value, how.unit)},
            _ranges(self._who.laboratory, analyte, self._who.sex, child=self._child),
            status=status,
        )

    def _scale(self, analyte: Analyte) -> Scale:
        return scale(self._who.laboratory, analyte, self._who.sex, child=self._child)

    def _context(self) -> Iterator[Resource]:
        for each in self._story.measured:
            code = None if each.name is None else codes.measurement(each.name)
            value: Resource = {"valueString": each.answer}
            if each.value is not None:
                value = {"valueQuantity": quantity(each.value, each.unit)}
            start = self._start("Observation", each.ago)
            taken = self._moment(each.ago, _MORNING).isoformat()
            group = {"bmi": "vital-signs", "audit-c": "survey", "exercise": "survey"}.get(each.name or "")
            yield resources.observation(
                start, self._who, resources.loinc(each.text, code), taken, value, group=group or "laboratory"
            )

    def _examinations(self) -> Iterator[Resource]:
        for each in self._story.examined:
            day: date = self._story.day_of(each.ago)
            if each.progress is Progress.DONE:
                yield resources.procedure(self._start("Procedure", each.ago), self._who, each.text, day)
            else:
                start = self._start("ServiceRequest", each.ago)
                yield resources.service_request(start, self._who, each.text, day)

    def _mishap(self, mishap: Mishap) -> Iterator[Resource]:
        taken = self._moment(mishap.ago, time(9, 40)).isoformat()
        start = self._start("Observation", mishap.ago)
        wrong = self._result(start, mishap.analyte, mishap.multiple, taken)
        if mishap.slip is Slip.UNKNOWN_UNIT:
            wrong["valueQuantity"] |= {"unit": "squeaks", "code": "squeaks"}
        elif mishap.slip is Slip.IMPOSSIBLE:
            wrong["valueQuantity"]["value"] = -1
        elif mishap.slip is Slip.NO_ZONE:
            wrong["effectiveDateTime"] = taken[:19]
        yield wrong
        if mishap.slip in (Slip.CORRECTED, Slip.RETRACTED):
            yield self._second_version(mishap, wrong, taken)

    def _second_version(self, mishap: Mishap, wrong: Resource, taken: str) -> Resource:
        again = self._start("Observation", mishap.ago, 2, again=True)
        if mishap.slip is Slip.RETRACTED:
            return wrong | again | {"status": "entered-in-error"}
        right = varied(mishap.analyte, self._story.at(mishap.analyte, mishap.ago), self._story.chance)
        return self._result(again, mishap.analyte, right, taken, "corrected")


@cache
def _code(analyte: Analyte, *, by_substance: bool) -> Resource:
    known = codes.tests()[analyte]
    bilirubin = analyte in (Analyte.TOTAL_BILIRUBIN, Analyte.DIRECT_BILIRUBIN)
    return concept(_TITLES[analyte], [Coding(LOINC, known[bilirubin and by_substance])])


@cache
def _ranges(laboratory: Laboratory, analyte: Analyte, sex: Sex, *, child: bool) -> tuple[Resource, ...]:
    """As the laboratory prints them: none, one for the person, or one for each sex."""
    if not laboratory.prints_ranges:
        return ()
    lower = analyte in LOW_IS_ABNORMAL
    sexes = tuple(Sex) if laboratory.by_sex else (sex,)
    scales = [(each, scale(laboratory, analyte, each, child=child)) for each in sexes]
    return tuple(
        resources.reference_range(how.limit, how.unit, each.value if laboratory.by_sex else None, lower=lower)
        for each, how in scales
    )
