"""Versions that hold nothing for us, and older ones that did: what is remembered of them, and what is not."""

import pytest
from sqlalchemy import select

from service.store.schema import clinical_context, ignored
from service.store.session import reading
from tests.ingest.contexts import examination
from tests.ingest.feeding import Feed, Resource, observation, report, statin


def glucose(id_: str, version: int) -> Resource:
    given = observation(id_, version=version)
    given["code"]["coding"][0]["code"] = "2345-7"
    return given


def context(feed: Feed) -> list[str]:
    with reading(feed.engine) as connection:
        return list(connection.execute(select(clinical_context.c.key)).scalars())


def test_a_result_put_under_another_test_later_is_no_result_any_more(feed: Feed) -> None:
    feed.send(observation("x", version=1))
    feed.send(glucose("x", version=2))
    feed.send(observation("x", version=1))
    assert feed.results() == {}


def test_the_same_is_known_of_versions_that_come_together_in_whatever_order(feed: Feed) -> None:
    feed.send(glucose("x", version=2), observation("x", version=1))
    assert feed.results() == {}


@pytest.mark.parametrize("later", [glucose("x", version=2), report("x", version=2)], ids=["code", "report"])
def test_one_that_overtakes_all_we_know_is_forgotten_until_it_is_sent_again(
    feed: Feed, later: Resource
) -> None:
    older = observation("x", version=1)
    if later["resourceType"] == "DiagnosticReport":
        older = report("x", observation("alt"), version=1)
    feed.send(later)
    feed.send(older)
    assert len(feed.results()) == 1, "the limit that README and storing._relevant tell of"
    feed.send(later)
    assert feed.results() == {}


@pytest.mark.parametrize("status", ["cancelled", "draft"])
def test_a_drug_that_was_not_taken_after_all_stays_so_when_the_older_version_comes_late(
    feed: Feed, status: str
) -> None:
    first = feed.send(statin("m", "p1", status=status, version=2))
    assert first.counts == {"ignored:not-taken": 1}
    assert feed.send(statin("m", "p1", version=1)).counts == {"older": 1}
    assert context(feed) == []
    assert feed.send(statin("m", "p1", status=status, version=2)).counts == {"duplicate": 1}
    assert feed.send(statin("m", "p1", version=3)).counts["stored"] == 1
    assert context(feed) == ["MedicationRequest/m"]
    with reading(feed.engine) as connection:
        counted = dict(map(tuple, connection.execute(select(ignored.c.reason, ignored.c.count))))
    assert counted == {"not-taken": 1}


@pytest.mark.parametrize(
    ("kind", "status"),
    [("Procedure", "not-done"), ("DiagnosticReport", "unknown"), ("ServiceRequest", "on-hold")],
)
def test_an_examination_that_was_not_done_after_all_stays_so_when_the_older_version_comes_late(
    feed: Feed, kind: str, status: str
) -> None:
    later = examination(kind, "e", status=status, version=2)
    assert feed.send(later).counts == {"ignored:not-done": 1}
    assert feed.send(examination(kind, "e", version=1)).counts == {"older": 1}
    assert context(feed) == []
    assert feed.send(examination(kind, "e", version=3)).counts["stored"] == 1
    assert context(feed) == [f"{kind}/e"]


def test_an_examination_without_a_day_stays_without_when_the_older_version_comes_late(feed: Feed) -> None:
    undated = examination("Procedure", "e", version=2)
    del undated["performedDateTime"]
    feed.send(undated)
    feed.send(examination("Procedure", "e", version=1))
    assert context(feed) == []


def test_a_result_that_turned_out_to_be_of_no_patient_stays_so(feed: Feed) -> None:
    feed.send(observation("x", version=2) | {"subject": {"reference": "Device/d1"}})
    feed.send(observation("x", version=1))
    assert feed.results() == {}
