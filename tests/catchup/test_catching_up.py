"""What the feed did not bring is found by asking: what it lost, what was deleted, and the past."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from service.catchup import ask, ask_since
from service.errors import LiverwatchError
from service.fhir.queries import ASKED_FOR
from service.store import catch_up
from service.store.session import reading
from service.store.source_settings import SourceSettings
from tests.catchup.ehr import BASE, Clinic
from tests.ingest.feeding import Resource, observation, patient, persistent, statin

MINUTE = timedelta(minutes=1)


def live(clinic: Clinic) -> set[str]:
    """Ids of the results that are known."""
    return {one.key.observation_id for each in clinic.feed.histories().values() for one in each}


def round_(clinic: Clinic, minutes: float = 6) -> None:
    """One round, so long after the last."""
    clinic.feed.now += minutes * MINUTE
    ask(clinic.asker())


def put_all(clinic: Clinic, *given: Resource) -> None:
    for each in given:
        clinic.ehr.put(each)


def test_a_result_that_the_feed_lost_is_found_within_one_interval(clinic: Clinic) -> None:
    clinic.feed.send(clinic.ehr.put(patient("p1")))
    for each in persistent()[:2]:
        clinic.feed.send(clinic.ehr.put(each))
    round_(clinic)
    assert clinic.feed.elevations() == []
    clinic.ehr.put(persistent()[2])
    round_(clinic)
    assert live(clinic) == {"o1", "o2", "o3"}
    assert len(clinic.feed.elevations()) == 1


def test_a_correction_and_a_retraction_that_the_feed_lost_are_found(clinic: Clinic) -> None:
    for each in persistent():
        clinic.feed.send(clinic.ehr.put(each))
    put_all(
        clinic, observation("o4", times=5, status="corrected"), observation("o1", status="entered-in-error")
    )
    round_(clinic)
    assert live(clinic) == {"o2", "o3", "o4"}
    assert clinic.feed.results()["o4"] == 200


def test_what_the_feed_brought_already_changes_nothing(clinic: Clinic) -> None:
    for each in (patient("p1"), *persistent()):
        clinic.feed.send(clinic.ehr.put(each))
    before = clinic.feed.alerts()
    asker = clinic.asker()
    clinic.feed.now += 6 * MINUTE
    ask(asker)
    assert asker.receipt.patients == set()
    assert set(asker.receipt.counts) == {"duplicate"}
    assert clinic.feed.alerts() == before


def test_a_deletion_that_nobody_told_of_is_found(clinic: Clinic) -> None:
    for each in persistent():
        clinic.feed.send(clinic.ehr.put(each))
    assert clinic.feed.elevations()
    clinic.ehr.remove("Observation/o4")
    clinic.ehr.remove("Observation/o1")
    round_(clinic)
    assert live(clinic) == {"o2", "o3"}
    assert clinic.feed.elevations() == []


def test_what_a_search_does_not_find_is_gone_only_if_a_read_says_so_too(clinic: Clinic) -> None:
    for each in persistent():
        clinic.feed.send(clinic.ehr.put(each))
    clinic.ehr.finds_by_id = False
    clinic.ehr.remove("Observation/o4")
    round_(clinic)
    assert live(clinic) == {"o1", "o2", "o3"}


def test_a_result_that_came_only_just_now_is_not_thought_gone(clinic: Clinic) -> None:
    clinic.feed.send(observation("o9"))  # not visible yet where searches are answered
    round_(clinic, minutes=0.5)
    assert live(clinic) == {"o9"}
    round_(clinic)
    assert live(clinic) == set()


def test_a_window_of_many_results_is_looked_through_part_by_part(clinic: Clinic) -> None:
    many = [observation(f"m{n}", f"p{n % 7}") for n in range(1, 1203)]
    clinic.ehr.page = 500
    clinic.feed.send(*(clinic.ehr.put(each) for each in many))
    clinic.feed.now += timedelta(days=2)
    for n in (1, 700, 1202):
        clinic.ehr.remove(f"Observation/m{n}")
    for _ in range(3):
        round_(clinic)
    assert len(live(clinic)) == 1199


def test_the_past_of_a_patient_is_read_when_it_is_first_seen(clinic: Clinic) -> None:
    put_all(clinic, patient("p1", gender="female"), *persistent()[:3], statin("m1", "p1"))
    clinic.ehr.at += timedelta(days=-300)
    newest = clinic.ehr.put(persistent()[3])
    clinic.feed.now += timedelta(days=2)  # no look at what changed lately finds those
    clinic.feed.send(newest)
    assert clinic.feed.elevations() == []
    round_(clinic, minutes=0)
    assert live(clinic) == {"o1", "o2", "o3", "o4"}
    assert len(clinic.feed.elevations()) == 1
    assert clinic.feed.current("MedicationRequest/m1")
    clinic.ehr.asked.clear()
    round_(clinic, minutes=1)
    assert clinic.ehr.asked == []


def test_a_type_that_the_server_refuses_keeps_no_other_from_being_read(
    clinic: Clinic, engine: Engine
) -> None:
    clinic.ehr.refused = {"Condition", "MedicationAdministration"}
    put_all(clinic, patient("p1"), *persistent())
    clinic.feed.now += 6 * MINUTE
    asked = ask(clinic.asker())
    assert set(asked.problems) == {"Condition", "MedicationAdministration"}
    assert asked.problems["Condition"] == "GET Condition: HTTP 403"
    assert len(clinic.feed.elevations()) == 1
    with reading(engine) as connection:
        states = {each.type: each for each in catch_up.states(connection, clinic.feed.source.id)}
    assert set(states) == {*ASKED_FOR, "Subscription"}
    assert states["Condition"].problem == "GET Condition: HTTP 403"
    assert states["Observation"].problem is None


def test_a_server_that_is_down_loses_nothing(clinic: Clinic) -> None:
    round_(clinic)
    clinic.ehr.down = True
    put_all(clinic, patient("p1"), *persistent())
    with pytest.raises(LiverwatchError, match="HTTP 503"):
        round_(clinic)
    clinic.ehr.down = False
    round_(clinic, minutes=60)
    assert len(clinic.feed.elevations()) == 1


def test_reading_that_was_broken_off_goes_on_from_the_page_it_got_to(clinic: Clinic, engine: Engine) -> None:
    put_all(clinic, *(observation(f"m{n}", f"p{n}") for n in range(1, 31)))
    asker = clinic.asker()
    asker.stop = lambda: len(live(clinic)) >= 9
    clinic.feed.now += 6 * MINUTE
    ask(asker)
    assert len(live(clinic)) == 9
    with reading(engine) as connection:
        states = {each.type: each for each in catch_up.states(connection, clinic.feed.source.id)}
    ninth = clinic.ehr.held["Observation/m9"]["meta"]["lastUpdated"]
    assert states["Observation"].mark is not None
    assert states["Observation"].mark.isoformat() == ninth
    assert states["Observation"].read is None
    round_(clinic)
    assert len(live(clinic)) == 30


def test_pages_that_come_in_no_order_move_the_mark_only_at_the_end(clinic: Clinic, engine: Engine) -> None:
    clinic.ehr.sorts = False
    given = [observation(f"m{n}", f"p{n}") for n in range(1, 13)]
    put_all(clinic, *given)
    newest = clinic.ehr.put(given[0])["meta"]["lastUpdated"]  # on the first page, and later than the last
    asker = clinic.asker()
    asker.stop = lambda: len(live(clinic)) >= 3
    clinic.feed.now += 6 * MINUTE
    ask(asker)
    round_(clinic)
    assert len(live(clinic)) == 12
    with reading(engine) as connection:
        states = {each.type: each for each in catch_up.states(connection, clinic.feed.source.id)}
    assert states["Observation"].mark is not None
    assert states["Observation"].mark.isoformat() == newest


def test_a_server_that_gives_no_link_to_the_next_page_is_asked_again_from_there(clinic: Clinic) -> None:
    clinic.ehr.links = False
    put_all(clinic, *(observation(f"m{n}", f"p{n}") for n in range(1, 12)))
    round_(clinic)
    assert len(live(clinic)) == 11


def test_a_server_that_keeps_matches_back_and_does_not_sort_is_a_problem_that_is_told(clinic: Clinic) -> None:
    clinic.ehr.links = clinic.ehr.sorts = False
    given = [observation(f"m{n}", f"p{n}") for n in range(1, 5)]
    put_all(clinic, *given, given[0])
    clinic.feed.now += 6 * MINUTE
    asked = ask(clinic.asker())
    assert asked.problems == {
        "Observation": "search of Observation: more matches than are given, and no link to them"
    }


@pytest.mark.parametrize("total", ["11", None, -1.5, []])
def test_a_total_that_is_no_number_is_none(clinic: Clinic, total: object) -> None:
    clinic.ehr.total = total
    put_all(clinic, *(observation(f"m{n}", f"p{n}") for n in range(1, 12)))
    round_(clinic)
    assert len(live(clinic)) == 11


def test_between_two_intervals_nothing_is_due(clinic: Clinic, engine: Engine) -> None:
    def is_due() -> bool:
        with reading(engine) as connection:
            return catch_up.due(connection, clinic.feed.source.id, clinic.feed.now)

    round_(clinic)
    assert not is_due()
    clinic.feed.send(observation("o1"))
    assert is_due()  # somebody new, whose past is not known
    round_(clinic, minutes=0)
    assert not is_due()
    clinic.feed.now += 5 * MINUTE
    assert is_due()


def test_one_unreadable_resource_on_a_page_takes_no_other_with_it(clinic: Clinic) -> None:
    put_all(clinic, observation("o1"), observation("o2", unit="mm"), observation("o3"))
    round_(clinic)
    assert live(clinic) == {"o1", "o3"}
    assert clinic.feed.reasons() == ["unknown-unit"]


def test_all_since_a_day_is_read_again_on_demand(clinic: Clinic) -> None:
    round_(clinic)
    clinic.ehr.at -= timedelta(days=100)
    put_all(clinic, *persistent())
    round_(clinic)
    assert live(clinic) == set()
    ask_since(clinic.asker(), clinic.feed.now - timedelta(days=200))
    assert live(clinic) == {"o1", "o2", "o3", "o4"}


def test_a_server_that_searches_only_by_patient_is_asked_for_those_under_watch(engine: Engine) -> None:
    clinic = Clinic(engine, catch_up="patients")
    clinic.ehr.only_by_patient = True
    for each in (patient("p1"), *persistent("p1"), observation("x1", "p2", times="0.5")):
        clinic.feed.send(clinic.ehr.put(each))
    round_(clinic)
    put_all(clinic, observation("n1", "p1", days_ago=1), observation("n2", "p2", days_ago=1))
    clinic.ehr.asked.clear()
    round_(clinic)
    assert "n1" in live(clinic)
    assert "n2" not in live(clinic)


def test_a_source_without_a_server_is_not_asked() -> None:
    assert not SourceSettings().asks
    assert SourceSettings(fhir_base_url=BASE).asks
    assert not SourceSettings(fhir_base_url=BASE, catch_up="none").asks
