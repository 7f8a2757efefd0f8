"""Public records with their context: what their alerts ask for is not done yet, and is no contradiction.

Each record is judged as of each of its results. What is done is read from the raw JSON here, not through the
service. Contradictions are: one test twice; the same day and a slower way for the same; rest and exercise, or
to stop and to go on with a drug; MRI or a referral (where a biopsy is considered) without or before what is
not invasive; anything at all for the dead.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from service.alerts.advising import SILENT
from service.alerts.alert import Alert, State
from service.alerts.reconcile import reconcile
from service.clinical.advice import RECHECKS, paragraphs, said
from service.clinical.assess import assess
from service.clinical.episodes import Family, Step, Tier
from service.clinical.months import add_months
from service.clinical.recommendations import VISITS, Audience, orderable, steps_of
from service.clinical.results import PatientRecord
from service.clinical.rulebook import load_rulebook
from service.fhir.bundles import decode_bundle
from service.fhir.decode import decode_resource
from service.fhir.incoming import Incoming, PatientFacts
from service.fhir.strict_json import check_json
from tests.test_sample_outcomes import record_of

pytestmark = pytest.mark.slow
RULEBOOK = load_rulebook()
LEAST_ALERTS = {"synthea": 300, "pbcseq": 1500, "cdiscpilot": 30}
"""Fewer, over all moments, would mean that hardly anything is looked at."""
BUNDLES = "synthea_bundles"
"""Two patients of Synthea in whole; no alert ever stood on either."""
DONE_BY = {
    "hepatitis-b-serology": (12, {"5195-3", "5196-1"}),
    "metabolic-tests": (12, {"4548-4"}),
    "tsh": (12, {"3016-3"}),
    "alcohol-assessment": (12, {"75626-2"}),
    "gamma-gt": (3, {"2324-2"}),
    "direct-bilirubin": (3, {"1968-7"}),
    "creatine-kinase": (3, {"2157-6"}),
}
"""Step → the months for which a result of one of these codes stands for it, at the least."""
FIB_4 = (6, ("777-3", "1742-6", "1920-8"))
OPPOSITES = (
    ("rest-for-now", "keep-moving"),
    ("muscle-and-tests", "exercise-and-fat"),
    ("stop-drugs-now", "keep-needed-drugs"),
    ("stop-drugs-now", "test-before-more-of-it"),
    ("keep-needed-drugs", "test-before-more-of-it"),
    ("come-for-the-recheck", "recheck-is-late"),
    ("come-for-the-recheck", "keep-your-checks"),
)
"""Paragraphs that nobody may read beside each other."""
BEFORE = (
    ("liver-elastography", "liver-ultrasound"),
    ("liver-mri", "liver-elastography"),
    ("hepatology-referral", "liver-elastography"),
)
"""What may be asked for only once, or while, the other is: a biopsy is considered at a referral.

No public record has the serology that brings a referral by its cause, see `work_up`.
"""


class Person(NamedTuple):
    record: PatientRecord
    measured: Mapping[str, Sequence[date]]
    """Code → the days of its results, by the raw JSON."""


class Moment(NamedTuple):
    """The standing alerts of a person as of one result."""

    person: Person
    as_of: datetime
    alerts: Sequence[Alert]


def raws(folder: Path, name: str) -> Iterator[bytes]:
    if (folder / name).is_dir():
        for path in sorted((folder / name).iterdir()):
            yield gzip.decompress(path.read_bytes())
        return
    for path in sorted(folder.glob(f"{name}.*.ndjson.gz")):
        with gzip.open(path) as lines:
            yield from (line.strip() for line in lines)


def decoded(raw: bytes) -> list[Incoming]:
    checked = check_json(raw)
    if b'"Bundle"' in raw[:2000]:
        return decode_bundle(checked, source="public", zone=None, rulebook=RULEBOOK)
    return [decode_resource(checked, source="public", zone=None, rulebook=RULEBOOK)]


def observations(raw: bytes) -> Iterator[dict[str, Any]]:
    given = json.loads(raw)
    for each in [entry["resource"] for entry in given.get("entry", ())] or [given]:
        if each["resourceType"] == "Observation":
            yield each


@cache
def people(folder: Path, name: str) -> Sequence[Person]:
    parts: dict[str, list[Incoming]] = defaultdict(list)
    days: dict[str, dict[str, list[date]]] = defaultdict(lambda: defaultdict(list))
    for raw in raws(folder, name):
        for incoming in decoded(raw):
            whose = incoming.id if isinstance(incoming.content, PatientFacts) else incoming.patient
            parts[str(whose)].append(incoming)
        for each in observations(raw):
            whose = each["subject"]["reference"].removeprefix("Patient/").removeprefix("urn:uuid:")
            for coding in each["code"]["coding"]:
                days[whose][coding["code"]].append(date.fromisoformat(each["effectiveDateTime"][:10]))
    return [Person(record_of(found), days[whose]) for whose, found in parts.items()]


def standing(record: PatientRecord, as_of: datetime) -> list[Alert]:
    episodes = assess(record, RULEBOOK, as_of).episodes
    changes = reconcile([], (), [(1, one) for one in episodes], as_of, uuid4)
    return [change.after for change in changes]


@cache
def moments(folder: Path, name: str) -> Sequence[Moment]:
    """As of every result, when the person lived; only where an alert stands.

    Dormant ones, which nobody works on, count where there are no others.
    """
    found = []
    for person in people(folder, name):
        living = replace(person.record, deceased=False)
        for as_of in sorted({result.effective for result in living.results}):
            alerts = [alert for alert in standing(living, as_of) if alert.state not in SILENT]
            awake = [alert for alert in alerts if alert.state is not State.DORMANT]
            if alerts:
                found.append(Moment(person, as_of, awake or alerts))
    return found


@pytest.fixture(params=LEAST_ALERTS)
def at_each_moment(request: pytest.FixtureRequest, shared_data: Path) -> Sequence[Moment]:
    found = moments(shared_data, request.param)
    assert sum(len(moment.alerts) for moment in found) >= LEAST_ALERTS[request.param]
    return found


def advised(moment: Moment) -> dict[str, Step]:
    return {step.name: step for alert in moment.alerts for step in alert.steps}


def test_every_alert_has_its_recommendations_be_it_on_another_alert_of_the_patient(
    at_each_moment: Sequence[Moment],
) -> None:
    for moment in at_each_moment:
        codes = {code_of(name) for name in advised(moment)}
        for alert in moment.alerts:
            asked = {code_of(step.name) for step in steps_of(alert.episode)}
            assert asked
            assert asked - codes <= ({"overdue-on-drugs"} if "medication-review" in codes else set())


def test_nothing_is_asked_for_that_the_raw_record_shows_done(at_each_moment: Sequence[Moment]) -> None:
    for moment in at_each_moment:
        asked = advised(moment)
        for name, (months, codes) in DONE_BY.items():
            assert not (name in asked and any(_measured(moment, code, months) for code in codes)), name
        months, together = FIB_4
        all_there = all(_measured(moment, code, months) for code in together)
        assert not ("fib-4-tests" in asked and all_there)


def _measured(moment: Moment, code: str, months: int) -> bool:
    """By the day of the moment, and less than so many months before it."""
    today = moment.as_of.date()
    return any(add_months(today, -months) < day <= today for day in moment.person.measured.get(code, ()))


def test_no_test_is_asked_for_twice(at_each_moment: Sequence[Moment]) -> None:
    for moment in at_each_moment:
        codes = [code_of(step.name) for alert in moment.alerts for step in alert.steps]
        assert len(codes) == len(set(codes))


def code_of(name: str) -> str:
    """Steps of one code are one test, whatever their occasion; visits are one as well."""
    if name in VISITS:
        return "visit"
    coding = orderable(name).coding
    return coding.code if coding else name


def test_who_is_to_be_seen_today_is_told_of_nothing_slower_for_the_same(
    at_each_moment: Sequence[Moment],
) -> None:
    for moment in at_each_moment:
        asked = advised(moment)
        most = max(alert.tier for alert in moment.alerts)
        assert ("same-day-assessment" in asked) is (most is Tier.URGENT and _elevated(moment))
        if "same-day-assessment" in asked:
            assert not {"overdue-recheck-after-rest", "prompt-re-evaluation", "liver-history"} & set(asked)
            (recheck,) = (asked[name] for name in RECHECKS if name in asked)
            assert recheck.priority is Tier.URGENT


def _elevated(moment: Moment) -> bool:
    """Whether an urgent alert is of results that are there: a recheck that did not come is not seen today."""
    return any(alert.tier is Tier.URGENT and alert.family is not Family.FOLLOW_UP for alert in moment.alerts)


def test_nobody_reads_opposites(at_each_moment: Sequence[Moment]) -> None:
    for moment in at_each_moment:
        told = {text for alert in moment.alerts for text in texts(alert)}
        for one, other in OPPOSITES:
            assert not {paragraphs()[one].text, paragraphs()[other].text} <= told, (one, other)


def texts(alert: Alert) -> set[str]:
    """What the letters of an alert say, as the encoder fills them."""
    due = {step.name: step.due for step in alert.steps}
    orders = [orderable(name) for name in due]
    letters = [order for order in orders if order.audience is not Audience.CLINICIAN]
    return {part.text for order in letters for part in said(order, due)}


def test_nothing_invasive_or_dear_comes_before_what_is_neither(at_each_moment: Sequence[Moment]) -> None:
    for moment in at_each_moment:
        asked = advised(moment)
        done = {each.name for alert in moment.alerts for each in alert.episode.plan.done}
        for later, earlier in BEFORE:
            if later in asked:
                assert earlier in asked or earlier in done, (later, earlier)
                assert earlier not in asked or asked[earlier].due <= asked[later].due, (later, earlier)


def test_no_step_is_due_before_the_result_that_asks_for_it(at_each_moment: Sequence[Moment]) -> None:
    for moment in at_each_moment:
        for alert in moment.alerts:
            if alert.family is not Family.FOLLOW_UP:
                first = alert.episode.alerts_from
                assert first is not None
                assert all(step.due >= first for step in alert.steps)


@pytest.mark.parametrize("name", [*LEAST_ALERTS, BUNDLES])
def test_nothing_is_asked_for_the_dead(shared_data: Path, name: str) -> None:
    dead = [person.record for person in people(shared_data, name) if person.record.deceased]
    assert bool(dead) is name.startswith("synthea")
    for record in dead:
        newest = max((result.effective for result in record.results), default=None)
        assert newest is not None
        assert [step for alert in standing(record, newest) for step in alert.steps] == []
