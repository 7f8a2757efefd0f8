"""The one door: a patient's record, the rulebook and the time → what the record says, as episodes.

The history is walked once, day by day. What is found on a day depends on that day's results and earlier ones
only, so a later result never undoes what was met; a correction or a late result changes the record itself.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context as DecimalContext
from decimal import localcontext
from itertools import groupby
from operator import attrgetter

from service.clinical.analytes import Analyte
from service.clinical.context import Context
from service.clinical.episode_building import FAMILIES
from service.clinical.episodes import NO_PLAN, Assessment, Episode, Family
from service.clinical.known import becoming_known
from service.clinical.limits import LimitFinder
from service.clinical.months import add_months
from service.clinical.planning import Planning
from service.clinical.readings import Readings
from service.clinical.results import LabResult, PatientRecord
from service.clinical.rulebook import Rulebook
from service.clinical.uneventful import uneventful
from service.clinical.walk import JUDGED, Walk

_ARITHMETIC = DecimalContext(prec=40)
_FAMILY_ORDER = {family: place for place, family in enumerate(Family)}


def assess(record: PatientRecord, rulebook: Rulebook, as_of: datetime) -> Assessment:
    """Judge `record` by `rulebook` as of the aware time `as_of`; pure, and blind to the order of results.

    Results more than the rulebook's tolerance (24 hours) after `as_of` are left out until their time comes.
    """
    if as_of.tzinfo is None:
        raise ValueError("as_of must be an aware datetime")
    tolerance = timedelta(hours=rulebook.rules.results.future_tolerance_hours)
    results, future = _split(record.results, as_of + tolerance)
    context = Context(record, rulebook)
    limits = LimitFinder(rulebook, record.sex, record.birth_date)
    reviews = [(one.effective - tolerance).astimezone(UTC).date() for one in future]
    if uneventful(results, limits, context, rulebook):
        return _on_the_clock([], rulebook, as_of, reviews)
    with localcontext(_ARITHMETIC):
        walk = Walk(record, rulebook, context, limits, _today(as_of))
        for day, group in groupby(sorted(results, key=_day), key=_day):
            walk.step(day, list(group))
        episodes = _planned(walk.finish(), record, rulebook, as_of)
        peaks = walk.peaks() if episodes else []
    if any(episode.plan is not NO_PLAN for episode in episodes):
        days = becoming_known(record, as_of + tolerance)
        begins = (datetime.combine(day, time.min, UTC) for day in days)
        reviews += [(at - tolerance).date() for at in begins]
    judged = _on_the_clock(episodes, rulebook, as_of, [*walk.coming(), *reviews])
    return replace(judged, rechecks=tuple(walk.rechecks()), peaks=tuple(peaks))


def _planned(
    episodes: Iterable[Episode], record: PatientRecord, rulebook: Rulebook, as_of: datetime
) -> list[Episode]:
    """Those that raise an alert and are not over, with their plans."""
    planned: list[Episode] = []
    planning: Planning | None = None
    for episode in sorted(episodes, key=_missed):
        if episode.tier is None or episode.resolved is not None or episode.deceased:
            planned.append(episode)
            continue
        planning = planning or Planning(Readings(record, rulebook, as_of))
        if _missed(episode):
            plan = planning.plan_of_missed(episode, _elevation(episode, planned))
        else:
            plan = planning.plan_of(episode, episode.tier)
        planned.append(replace(episode, plan=plan))
    return planned


def _missed(episode: Episode) -> bool:
    return episode.family is Family.FOLLOW_UP


def _elevation(missed: Episode, planned: Iterable[Episode]) -> Episode:
    """The episode that the result of a missed recheck belongs to; itself where none does."""
    family = FAMILIES[missed.findings[0].analyte]
    elevations = (one for one in planned if one.family is family)
    return next((one for one in elevations if not one.evidence.isdisjoint(missed.evidence)), missed)


_day = attrgetter("day")


def _split(results: Iterable[LabResult], horizon: datetime) -> tuple[list[LabResult], list[LabResult]]:
    """The results of the rules' analytes up to `horizon`; and those after it."""
    surely = (horizon.astimezone(UTC) - timedelta(days=2)).date()
    relevant = [result for result in results if result.analyte in JUDGED]
    judged = [result for result in relevant if result.day <= surely or result.effective <= horizon]
    if len(judged) == len(relevant):
        return judged, []
    return judged, [result for result in relevant if result.day > surely and result.effective > horizon]


def _today(as_of: datetime) -> date:
    """The UTC day: what lies within days of the clock is judged by it."""
    return as_of.astimezone(UTC).date()


def _place(episode: Episode) -> tuple[date, int, Analyte | None]:
    """By onset, then family; several rechecks missed after one panel, by analyte."""
    analyte = episode.findings[0].analyte if episode.family is Family.FOLLOW_UP else None
    return episode.onset, _FAMILY_ORDER[episode.family], analyte


def _on_the_clock(
    episodes: Iterable[Episode], rulebook: Rulebook, as_of: datetime, reviews: list[date]
) -> Assessment:
    """Add dormancy, and the next day on which something would change, beside the days `reviews`."""
    today = _today(as_of)
    months = rulebook.rules.episode.dormant_months
    judged: list[Episode] = []
    for episode in episodes:
        awake_until = add_months(episode.last_result, months)
        dormant = episode.resolved is None and today > awake_until
        if episode.resolved is None and not dormant:
            reviews.append(awake_until + timedelta(days=1))
        judged.append(replace(episode, dormant=True) if dormant else episode)
    judged.sort(key=_place)
    return Assessment(episodes=tuple(judged), next_review=min(reviews, default=None))
