"""Placeholders for dates (0001-01-01, 9999-12-31) are in every EHR: none stops a judgement anywhere."""

from datetime import date, timedelta

import pytest

from service.alerts.alert import Action, State
from service.clinical.episodes import Tier
from tests.ingest.contexts import AUDIT_C, condition, drug, examination, measurement
from tests.ingest.feeding import Feed, Resource, observation, patient, persistent, pregnancy

DRUGS = ("MedicationRequest", "MedicationStatement", "MedicationAdministration")
SPANS = {
    "since always": ("0001-01-01", None),
    "for ever": ("2025-01-01", "9999-12-31"),
    "always": ("0001-01-01", "9999-12-31"),
    "at the end of time": ("9999-12-31", "9999-12-31"),
    "until the beginning": (None, "0001-01-01"),
    "with an offset": ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"),
    "a year alone": ("0001", "9999"),
}
"""What a period states."""


def spans(start: str | None, end: str | None) -> dict[str, str]:
    return {name: day for name, day in (("start", start), ("end", end)) if day is not None}


def doses(start: str | None, end: str | None) -> Resource:
    """An order for a time, and how long the supply of it lasts."""
    return {
        **drug("MedicationRequest", "timed"),
        "authoredOn": start or end,
        "dispenseRequest": {
            "validityPeriod": spans(start, end),
            "expectedSupplyDuration": {"value": 90, "unit": "d", "code": "d"},
        },
        "dosageInstruction": [
            {"timing": {"repeat": {"boundsPeriod": spans(start, end)}}},
            {"timing": {"repeat": {"boundsDuration": {"value": 900, "unit": "d", "code": "d"}}}},
        ],
    }


def stated(start: str | None, end: str | None) -> list[Resource]:
    """One of everything that is read, with these dates wherever it has any."""
    period, instant = spans(start, end), start or end
    given: list[Resource] = [
        {**patient("p1"), "birthDate": (instant or "")[:10]},
        {**patient("p2"), "deceasedDateTime": instant},
        {**condition("c1"), "onsetDateTime": start, "abatementDateTime": end, "recordedDate": instant},
        {**condition("c2", text="Heart failure"), "onsetDateTime": None, "onsetPeriod": period},
        {**pregnancy("c3", "p1"), "onsetDateTime": start, "abatementDateTime": end},
        doses(start, end),
        {**measurement("m1", code=AUDIT_C, value=9, unit="{score}"), "effectiveDateTime": instant},
        {**observation("o7"), "meta": {"versionId": "1", "lastUpdated": instant}, "issued": instant},
        {**observation("o8"), "effectiveDateTime": instant},
        {**observation("o9"), "effectiveDateTime": None, "effectivePeriod": period},
        {**examination("Procedure", "e1"), "performedDateTime": None, "performedPeriod": period},
        {**examination("DiagnosticReport", "e2"), "effectiveDateTime": instant},
        {**examination("ServiceRequest", "e3"), "authoredOn": instant, "occurrencePeriod": period},
    ]
    for kind in DRUGS:
        for text in ("Isoniazid 300 mg", "Paracetamol 500 mg", "Warfarin 5 mg"):
            made = drug(kind, f"{kind}-{text[:3]}", text=text)
            for name in ("authoredOn", "effectiveDateTime"):
                if name in made:
                    made[name] = instant
            for name in ("effectivePeriod", "occurencePeriod"):
                made[name] = period
            made["dateAsserted"] = instant
            given.append(made)
            given.append({**made, "id": f"{made['id']}-over", "status": "completed"})
    return [without_nothing(each) for each in given]


def without_nothing(given: Resource) -> Resource:
    return {name: value for name, value in given.items() if value is not None}


@pytest.mark.parametrize("span", SPANS)
def test_no_date_in_a_record_stops_its_judgement(feed: Feed, span: str) -> None:
    feed.send(*persistent(times=6), *stated(*SPANS[span]))
    assert "assessment-failed" not in feed.reasons()
    assert feed.elevation().state is State.OPEN


@pytest.mark.parametrize("action", [Action.SNOOZE, Action.KNOWN_CAUSE])
def test_a_date_at_the_end_of_the_calendar_is_slept_until_and_judged_on(feed: Feed, action: Action) -> None:
    feed.send(*persistent())
    asleep = feed.decide(feed.elevation(), action, until=date.max)
    assert asleep.wakes == date.max
    feed.now += timedelta(days=1)
    feed.send(observation("o5", days_ago=-1))
    feed.sweep()
    assert (feed.elevation().state, feed.reasons()) == (asleep.state, [])
    feed.send(observation("o6", times=30, days_ago=-1))
    assert (feed.elevation().state, feed.elevation().tier) == (State.OPEN, Tier.URGENT)
