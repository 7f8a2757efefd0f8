"""The worklist as it is asked for: in the order people work in, page by page, and nobody's but one's own."""

import builtins
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, update

from service.alerts.alert import Alert, State, Waiting
from service.alerts.events import Change, Event, EventKind
from service.clinical.causes.cause import Cause, CauseName, Evidence
from service.clinical.episodes import Family, Tier
from service.store import alerts, identities, names, patients, sources, worklist
from service.store.schema import patient
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from service.store.worklist import Place, Wanted
from tests.fhir.alert_examples import alert as an_alert

EVERYTHING = Wanted()
NOW = datetime(2024, 9, 1, 8, tzinfo=UTC)


class Ward:
    """Two hospitals; alerts are put in by hand, numbered as they come."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.count = 0
        self.people: dict[str, int] = {}
        with writing(engine) as connection:
            self.sources = {
                name: sources.add(connection, name, SourceSettings(), "s", NOW).id
                for name in ("clinic", "annex")
            }

    def put(
        self, tier: Tier = Tier.ROUTINE, since: date = date(2024, 8, 20), source: str = "clinic", **more: Any
    ) -> UUID:
        self.count += 1
        with writing(self.engine) as connection:
            source_id = self.sources[source]
            fhir_id = str(more.pop("fhir_id", f"p{self.count}"))
            subject = patients.named(connection, source_id, [fhir_id])[fhir_id].id
            self.people[fhir_id] = subject
            of = an_alert()
            plan = replace(of.episode.plan, causes=more.pop("causes", ()))
            episode = replace(of.episode, tier=tier, alerts_from=since, plan=plan)
            made: Alert = replace(
                of, id=UUID(int=self.count), subject=subject, tier=tier, episode=episode, **more
            )
            change = Change(None, made, (Event(EventKind.RAISED, "x"),))
            alerts.save(connection, [change], source_id, NOW)
        return made.id

    def list(
        self, wanted: Wanted = EVERYTHING, *only: str, limit: int = 50, after: Place | None = None
    ) -> list[int]:
        with reading(self.engine) as connection:
            ids = [self.sources[name] for name in only or self.sources]
            return [line.alert.id.int for line in worklist.page(connection, ids, wanted, limit, after)]

    def named(self, words: str) -> builtins.list[int]:
        with reading(self.engine) as connection:
            people = worklist.named(connection, [*self.sources.values()], words)
        return self.list(Wanted(people=people))


@pytest.fixture
def ward(engine: Engine) -> Ward:
    return Ward(engine)


def test_the_gravest_comes_first_then_what_nobody_took_in_time_then_the_oldest_then_what_nobody_has(
    ward: Ward,
) -> None:
    late = Waiting(NOW - timedelta(hours=9), NOW, overdue=True)
    ward.put(Tier.ROUTINE, date(2023, 1, 1))  # 1
    ward.put(Tier.URGENT, date(2024, 8, 2))  # 2
    ward.put(Tier.URGENT, date(2024, 8, 30), waiting=late)  # 3
    ward.put(Tier.SOON, date(2024, 7, 1), owner="Adams", state=State.TAKEN)  # 4
    ward.put(Tier.SOON, date(2024, 7, 1))  # 5
    ward.put(Tier.SOON, date(2024, 6, 1), owner="Adams", state=State.TAKEN)  # 6
    assert ward.list() == [3, 2, 6, 5, 4, 1]


def test_of_equal_alerts_those_of_who_was_heard_of_first_stand_first(ward: Ward) -> None:
    for fhir_id in ("a", "b", "a"):
        ward.put(fhir_id=fhir_id)
    assert ward.list() == [1, 3, 2]


def test_what_nobody_has_to_act_on_is_not_in_it(ward: Ward) -> None:
    for state in (State.RESOLVED, State.DORMANT, State.ENTERED_IN_ERROR, State.MERGED):
        ward.put(state=state)
    shown = ward.put(state=State.SNOOZED)
    assert ward.list() == [shown.int]


def test_pages_follow_each_other_without_gap_or_repetition_whatever_happens_between(ward: Ward) -> None:
    for number in range(7):
        ward.put(since=date(2024, 8, 1 + number % 2))
    seen: list[int] = []
    after: Place | None = None
    while True:
        with reading(ward.engine) as connection:
            page = worklist.page(connection, list(ward.sources.values()), Wanted(), 3, after)
        if not page:
            break
        seen += [line.alert.id.int for line in page]
        after = page[-1].place
        ward.put(Tier.URGENT)  # stands before everything read so far
    assert seen == [1, 3, 5, 7, 2, 4, 6]


def test_no_query_shows_or_counts_what_is_of_another_source(ward: Ward) -> None:
    mine, theirs = ward.put(), ward.put(source="annex", owner="Zoe", state=State.TAKEN)
    assert ward.list(Wanted(), "clinic") == [mine.int]
    assert ward.list(Wanted(), "annex") == [theirs.int]
    with reading(ward.engine) as connection:
        clinic = [ward.sources["clinic"]]
        assert worklist.count(connection, clinic, Wanted()).total == 1
        assert worklist.owners(connection, clinic) == []
        assert worklist.page(connection, [], Wanted(), 9) == []


def test_it_is_narrowed_by_everything_a_nurse_asks_for(ward: Ward) -> None:
    drug = (Cause(CauseName.DRUG, speaks_for=(Evidence("isoniazid"),)),)
    silent = (Cause(CauseName.ALCOHOL, unknown=(Evidence("AUDIT-C"),)),)
    ward.put(Tier.URGENT, causes=drug)  # 1
    ward.put(Tier.SOON, family=Family.CHOLESTATIC, causes=silent)  # 2
    ward.put(owner="Adams", state=State.TAKEN)  # 3
    ward.put(owner="Adams", state=State.SNOOZED)  # 4
    assert ward.list(Wanted(tier=Tier.URGENT)) == [1]
    assert ward.list(Wanted(family=Family.CHOLESTATIC)) == [2]
    assert ward.list(Wanted(states=(State.TAKEN, State.SNOOZED))) == [3, 4]
    assert ward.list(Wanted(owners=frozenset({"Adams", "Adams Before"}), states=(State.TAKEN,))) == [3]
    assert ward.list(Wanted(unowned=True)) == [1, 2]
    assert ward.list(Wanted(cause=CauseName.DRUG)) == [1]
    assert ward.list(Wanted(cause=CauseName.ALCOHOL)) == []  # only what speaks for it counts


def test_it_is_narrowed_by_age_which_who_has_no_birth_date_has_not(ward: Ward) -> None:
    for born in (date(1950, 1, 1), date(2000, 1, 1), None):
        ward.put()
        with writing(ward.engine) as connection:
            number = ward.people[f"p{ward.count}"]
            connection.execute(update(patient).where(patient.c.id == number).values(birth_date=born))
    assert ward.list(Wanted(born_by=date(1959, 9, 1))) == [1]
    assert ward.list(Wanted(born_after=date(1959, 9, 1))) == [2]


def test_people_are_found_by_the_beginning_of_a_name_or_by_a_whole_identifier(ward: Ward) -> None:
    for _ in range(3):
        ward.put()
    mother, child, third = (ward.people[f"p{n}"] for n in (1, 2, 3))
    with writing(ward.engine) as connection:
        names.state(
            connection,
            {mother: (["Łęcka-Straß, Ana María"], "1960"), child: (["O'Brien_x, 100%"], ""), third: ([], "")},
        )
        identities.state_identifiers(
            connection, ward.sources["clinic"], {mother: ["urn:mrn|42"], child: ["urn:mrn|142"]}
        )
    for words, found in {
        "ana": [1], "STRASS": [], "łęcka": [1], "łęcka mar": [1], "cka": [], "o'b": [2], "100%": [2],
        "1_0%": [],
        "%": [], "_": [], "42": [1], "urn:mrn|42": [1], "urn:mrn|4": [], "p3": [3], "ana o'b": [], "\\": [],
    }.items():  # fmt: skip
        assert ward.named(words) == found, words


def test_an_identifier_of_a_merged_record_finds_the_person(ward: Ward) -> None:
    ward.put()
    with writing(ward.engine) as connection:
        source_id = ward.sources["clinic"]
        old = patients.named(connection, source_id, ["old"])["old"].id
        connection.execute(update(patient).where(patient.c.id == old).values(survivor_id=ward.people["p1"]))
        identities.state_identifiers(connection, source_id, {old: ["urn:mrn|7"]})
    assert ward.named("7") == ward.named("urn:mrn|7") == [1]


def test_counts_are_of_all_pages_by_tier_and_of_what_nobody_has(ward: Ward) -> None:
    for tier in (Tier.URGENT, Tier.SOON, Tier.SOON):
        ward.put(tier)
    ward.put(Tier.SOON, owner="Adams", state=State.TAKEN)
    with reading(ward.engine) as connection:
        counted = worklist.count(connection, list(ward.sources.values()), Wanted())
    assert (dict(counted.tiers), counted.unowned, counted.total) == ({Tier.SOON: 3, Tier.URGENT: 1}, 3, 4)
