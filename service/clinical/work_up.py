"""Which steps an episode asks for, and since when (clinical.md §12); what is done already comes after."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from service.clinical.already_done import Shown
from service.clinical.analytes import Analyte
from service.clinical.catalogues.causes import known_causes
from service.clinical.causes.biliary import DILATATION
from service.clinical.causes.cause import Cause, CauseName
from service.clinical.causes.on_record import OnRecord
from service.clinical.episodes import Episode, Family, Finding, Kind, Tier
from service.clinical.readings import Readings
from service.clinical.recommendations import REPEAT_PANEL, SAME_DAY, ULTRASOUND
from service.clinical.results import Answer
from service.clinical.scores import scores

_BLOOD: Final = (
    *("hepatitis-b-serology", "hepatitis-c-serology", "iron-studies", "liver-autoantibodies"),
    "metabolic-tests",
)
FIRST_LINE: Final = (*_BLOOD, ULTRASOUND)
"""What a second elevated result asks for, whatever its level."""
SECOND_LINE: Final = ("ceruloplasmin", "alpha-1-antitrypsin", "coeliac-serology", "tsh")
"""The rarer causes, once the first line has been looked at and the elevation has lasted."""
_OF_THE_YOUNG: Final = "ceruloplasmin"
"""Asked for below the age from which Wilson disease seldom shows first."""
_TELLING: Final = ("fib-4", "nfs", "apri")
"""The score that decides is the first of these that can be given."""


class Asked(NamedTuple):
    """A step, and the findings that ask for it."""

    name: str
    since: date
    tier: Tier
    findings: Sequence[Finding]
    """At least one, the gravest first."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the steps of one episode are decided on."""

    episode: Episode
    tier: Tier
    on: OnRecord
    shown: Shown
    causes: tuple[Cause, ...]
    alerting: tuple[Finding, ...]
    """The findings that raise its alert, the gravest first."""

    @property
    def readings(self) -> Readings:
        """The record's."""
        return self.on.readings

    @property
    def day(self) -> date:
        """The latest day on which a test of the episode was elevated."""
        return self.on.day

    def of(self, kind: Kind) -> list[Finding]:
        """Those of one kind."""
        return [finding for finding in self.alerting if finding.kind is kind]

    @property
    def elevated(self) -> list[date]:
        """The days with an elevated result, the first first."""
        return [tested.day for tested in self.episode.tested if tested.elevated]

    @property
    def least(self) -> int:
        """From so many of them on a cause is sought."""
        return self.readings.rulebook.rules.recommendations.elevated_results

    @property
    def since(self) -> date:
        """The first day it raised an alert: nothing is asked for before."""
        return self.episode.alerts_from or self.episode.onset

    @property
    def hurried_since(self) -> date:
        """The day from which it was as urgent as it is: what must not wait is due since then, not before."""
        rises = (change.day for change in self.episode.tier_changes if change.tier is self.tier)
        return max(rises, default=self.since)

    @property
    def young_enough_for_wilson(self) -> bool:
        """Below the age from which Wilson disease seldom shows first; an unknown age may be."""
        age = self.readings.age(self.day)
        return age is None or age < self.readings.rulebook.rules.causes.wilson.younger_than_years

    @property
    def unhurried(self) -> Tier:
        """How soon the search for a cause is due: the tests of an urgent alert are the assessment's own."""
        return min(self.tier, Tier.SOON)


def _told(finding: Finding) -> date:
    """The first day that a finding raised an alert."""
    return finding.alerts_from or finding.met


def work_up(ground: Ground) -> Iterator[Asked]:
    """Every step that the findings, the scores and what is missing ask for, each once."""
    yield from _now(ground)
    if ground.readings.context.child(ground.day):
        yield Asked("guardian-education", ground.hurried_since, ground.tier, ground.alerting)
        return  # the rest follows guidelines for adults
    asked: set[str] = set()
    for step in (
        *_missing_fraction(ground),
        *_cause_search(ground),
        *_bile_ducts(ground),
        *_fibrosis(ground),
        *_by_cause(ground),
        *_education(ground),
    ):
        if step.name not in asked:
            asked.add(step.name)
            yield step


def _now(ground: Ground) -> Iterator[Asked]:
    """What every alert asks for, and sooner the graver it is."""
    episode, tier = ground.episode, ground.tier
    if tier is Tier.URGENT:
        urgent = [finding for finding in ground.alerting if finding.tier is Tier.URGENT]
        yield Asked(SAME_DAY, ground.hurried_since, tier, urgent or ground.alerting)
    elif worse := ground.of(Kind.WORSENING):
        since = max(_told(finding) for finding in worse)
        yield Asked("prompt-re-evaluation", since, max(each.tier for each in worse), worse)
    elif new := ground.of(Kind.NEW_MODERATE):
        yield Asked("liver-history", _told(new[0]), new[0].tier, new)
    yield Asked(REPEAT_PANEL, episode.last_result, tier, ground.alerting)


def _missing_fraction(ground: Ground) -> Iterator[Asked]:
    """The test without which nobody knows whether bilirubin or ALP speaks of the liver."""
    for analyte, name in ((Analyte.TOTAL_BILIRUBIN, "direct-bilirubin"), (Analyte.ALP, "gamma-gt")):
        about = [finding for finding in ground.alerting if finding.analyte is analyte]
        days = [value.day for value in ground.readings.values.get(analyte, ()) if value.elevated]
        if days and about:
            yield Asked(name, days[-1], ground.unhurried, about)


def _cause_search(ground: Ground) -> Iterator[Asked]:
    """From the second elevated result on: the common causes, then, if it lasts, the rarer ones."""
    least, elevated = ground.least, ground.elevated
    persistent = ground.of(Kind.PERSISTENT)
    cholestatic = ground.episode.family is Family.CHOLESTATIC
    if not elevated or (len(elevated) < least and not persistent and not cholestatic):
        return
    since = max(elevated[min(least, len(elevated)) - 1], ground.since)
    if len(elevated) >= least:
        for name in _BLOOD:
            yield Asked(name, since, ground.unhurried, ground.alerting)
    if persistent:
        met = min(_told(finding) for finding in persistent)
        yield Asked(ULTRASOUND, met, max(each.tier for each in persistent), persistent)
        if all(ground.shown.by(name, since) for name in FIRST_LINE):
            for name in SECOND_LINE:
                if name != _OF_THE_YOUNG or ground.young_enough_for_wilson:
                    yield Asked(name, met, ground.unhurried, persistent)
    yield Asked(ULTRASOUND, since, ground.unhurried, ground.alerting)
    if cholestatic:
        yield Asked("ama", since, ground.unhurried, ground.alerting)


def _bile_ducts(ground: Ground) -> Iterator[Asked]:
    """MRCP where ducts are dilated; where ultrasound says no such thing, once it lasts with AMA negative."""
    if ground.episode.family is not Family.CHOLESTATIC:
        return
    on = ground.on
    months = ground.readings.rulebook.rules.recommendations.done_within_months.imaging
    ducts = on.newest(DILATATION)
    if ducts is not None and ducts.answer is Answer.POSITIVE and on.not_older(ducts, months):
        yield Asked("mrcp", max(ground.since, ducts.day), ground.unhurried, ground.alerting)
        return
    lasting, ultrasound = ground.of(Kind.PERSISTENT), ground.shown.by(ULTRASOUND, ground.since)
    ama = on.answered("ama")
    if not lasting or ultrasound is None or ultrasound.ordered or ama is None:
        return
    given, answer = ama
    if answer is Answer.NEGATIVE:
        met = min(_told(finding) for finding in lasting)
        yield Asked("mrcp", max(met, ultrasound.day, given.day), ground.unhurried, lasting)


def _fibrosis(ground: Ground) -> Iterator[Asked]:
    """How far it has gone: the tests of FIB-4; where a score is raised or unclear, one step further."""
    lasting = ground.of(Kind.PERSISTENT)
    if not lasting and len(ground.elevated) < ground.least:
        return
    known = {score.name: score for score in scores(ground.readings, ground.day)}
    telling = next((known[name] for name in _TELLING if known[name].given), None)
    if telling is None and _wants_tests(ground):
        yield Asked("fib-4-tests", ground.day, ground.unhurried, ground.alerting)
    if not lasting:
        return
    met = min(_told(finding) for finding in lasting)
    cirrhosis = ground.on.newest("cirrhosis")
    if cirrhosis is not None and cirrhosis.answer is Answer.POSITIVE:
        yield Asked("hepatology-referral", max(met, cirrhosis.day), ground.unhurried, lasting)
    if telling is None or telling.reading == "low":
        return
    yield Asked("liver-elastography", met, ground.unhurried, lasting)
    if ground.shown.by("liver-elastography", met) and ground.shown.by(ULTRASOUND, met):
        yield Asked("liver-mri", met, ground.unhurried, lasting)
    if telling.reading == "high" or ground.shown.by("liver-mri", met):
        yield Asked("hepatology-referral", met, ground.unhurried, lasting)


def _by_cause(ground: Ground) -> Iterator[Asked]:
    """What each cause asks for that anything speaks for; the review of a drug is as urgent as the alert."""
    for cause in ground.causes:
        if not cause.speaks_for:
            continue
        known = known_causes()[cause.name]
        of_drug = cause.name is CauseName.DRUG
        tier, since = (ground.tier, ground.hurried_since) if of_drug else (ground.unhurried, ground.since)
        likely = len(cause.speaks_for) > len(cause.speaks_against)
        for name in known.next_steps:
            yield Asked(name, since, tier, ground.alerting)
        test = ground.shown.by(known.next_steps[0], ground.since)
        if likely and test is not None:
            for name in known.once_likely:
                yield Asked(name, max(since, test.day), tier, ground.alerting)


def _education(ground: Ground) -> Iterator[Asked]:
    """What every patient should read, and what one with fatty liver should know of the years ahead."""
    yield Asked("patient-education", ground.hurried_since, ground.tier, ground.alerting)
    least = ground.readings.rulebook.rules.recommendations.long_term_risks_evidence
    fatty = (cause for cause in ground.causes if cause.name is CauseName.FATTY_LIVER)
    if any(len(cause.speaks_for) >= least for cause in fatty):
        yield Asked("long-term-risks", ground.since, ground.unhurried, ground.alerting)


def _wants_tests(ground: Ground) -> bool:
    """Whether FIB-4 could be given if its tests were there: by age it can, and ALT is not too high."""
    rules, readings = ground.readings.rules, ground.readings
    age = readings.age(ground.day)
    alt = readings.nearest(Analyte.ALT, ground.day, rules.scores.days)
    young = age is not None and age <= rules.fib4.not_to_years
    return not young and (alt is None or not alt.above(rules.scores.not_above_alt))
