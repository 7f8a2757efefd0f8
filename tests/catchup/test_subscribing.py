"""The Subscriptions at an EHR: the right kind is made, and kept alive."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service.catchup import ask, connect, disconnect, look_after
from service.errors import ConfigurationError
from service.fhir.capabilities import Capabilities
from service.fhir.queries import ASKED_FOR
from service.fhir.subscriptions import HAPI_DELETES, Hook
from service.store import subscriptions
from service.store.session import reading
from tests.catchup.ehr import Clinic
from tests.ingest.feeding import Resource, observation

HOOK = Hook("https://watch.clinic.test/feeds/clinic", "Authorization: Bearer made-up")
IG = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
TOPIC = "http://ehr.clinic.test/topics/results"


def statement(version: str, *topics: str, types: tuple[str, ...] = ("Observation", "Patient")) -> Resource:
    extension = [
        {"url": f"{IG}/capabilitystatement-subscriptiontopic-canonical", "valueCanonical": each}
        for each in topics
    ]
    resources = [{"type": each, "interaction": [{"code": "read"}, {"code": "search-type"}]} for each in types]
    subscription = {"type": "Subscription", "interaction": [{"code": "create"}], "extension": extension}
    return {
        "resourceType": "CapabilityStatement",
        "fhirVersion": version,
        "rest": [{"mode": "server", "resource": [*resources, subscription]}],
    }


def made(clinic: Clinic, **more: tuple[str, ...]) -> list[Resource]:
    """Connect, and what the EHR then holds."""
    asker = clinic.asker()
    connect(asker.engine, asker.source, asker.client, HOOK, asker.clock(), **more)
    return [each for key, each in clinic.ehr.held.items() if key.startswith("Subscription/")]


def statuses(clinic: Clinic) -> list[str]:
    with reading(clinic.feed.engine) as connection:
        return [each.status for each in subscriptions.of_source(connection, clinic.feed.source.id)]


def test_a_server_of_searches_gets_one_for_each_type_that_it_has_and_none_names_a_status(
    clinic: Clinic,
) -> None:
    clinic.ehr.statement = statement("4.0.1")
    by_type = {each["criteria"].partition("?")[0]: each for each in made(clinic)}
    assert set(by_type) == {"Observation", "Patient"}
    assert "code=" in by_type["Observation"]["criteria"]
    assert all("status=" not in each["criteria"] for each in by_type.values())
    channel = by_type["Observation"]["channel"]
    assert channel["endpoint"] == HOOK.endpoint
    assert channel["header"] == [HOOK.header]
    assert channel["payload"] == "application/fhir+json"
    assert channel["extension"] == [{"url": HAPI_DELETES, "valueBoolean": True}]  # else HAPI tells of none


def test_medplum_is_told_what_to_sign_with_and_nothing_is_where_nothing_is_signed(clinic: Clinic) -> None:
    secret = "https://www.medplum.com/fhir/StructureDefinition/subscription-secret"
    asker = clinic.asker()
    for hook, told in ((HOOK, None), (replace(HOOK, signing_secret="made-up-secret"), "made-up-secret")):
        connect(asker.engine, asker.source, asker.client, hook, asker.clock())
        for key, each in clinic.ehr.held.items():
            if key.startswith("Subscription/"):
                found = [e["valueString"] for e in each.get("extension", []) if e["url"] == secret]
                assert found == ([] if told is None else [told])


def test_a_server_that_says_nothing_gets_one_for_each_type(clinic: Clinic) -> None:
    assert {each["criteria"].partition("?")[0] for each in made(clinic)} == set(ASKED_FOR)


@pytest.mark.parametrize("version", ["4.0.1", "4.3.0"])
def test_a_server_of_topics_gets_one_for_each_topic_in_the_form_of_the_backport_guide(
    clinic: Clinic, version: str
) -> None:
    clinic.ehr.statement = statement(version, TOPIC)
    (only,) = made(clinic)
    assert only["criteria"] == TOPIC
    assert only["meta"]["versionId"] == "1"
    (content,) = only["channel"]["_payload"]["extension"]
    assert content == {"url": f"{IG}/backport-payload-content", "valueCode": "full-resource"}


@pytest.mark.parametrize("version", ["4.3.0", "5.0.0"])
def test_the_topics_that_a_server_keeps_are_found_and_those_of_other_types_or_retired_are_not(
    clinic: Clinic, version: str
) -> None:
    clinic.ehr.statement = statement(version, types=("Observation", "SubscriptionTopic"))
    definition = "http://hl7.org/fhir/StructureDefinition/"
    for name, status, type_ in (
        ("results", "active", f"{definition}Observation"),
        ("draft", "draft", "Condition"),
        ("visits", "active", f"{definition}Encounter"),
        ("old", "retired", f"{definition}Observation"),
    ):
        clinic.ehr.put(
            {
                "resourceType": "SubscriptionTopic",
                "id": name,
                "url": f"http://ehr.clinic.test/topics/{name}",
                "status": status,
                "resourceTrigger": [{"resource": type_}],
            }
        )
    topics = {str(each.get("topic", each.get("criteria"))) for each in made(clinic)}
    assert topics == {"http://ehr.clinic.test/topics/results", "http://ehr.clinic.test/topics/draft"}


def test_an_r5_server_gets_its_own_form(clinic: Clinic) -> None:
    clinic.ehr.statement = statement("5.0.0")
    with pytest.raises(ConfigurationError, match="names no topic"):
        made(clinic)
    (only,) = made(clinic, topics=(TOPIC,))
    assert only["topic"] == TOPIC
    assert only["parameter"] == [{"name": "Authorization", "value": "Bearer made-up"}]
    assert "channel" not in only


def test_a_server_that_takes_no_subscription_is_told_of_in_words(clinic: Clinic) -> None:
    whole = statement("4.0.1")
    whole["rest"][0]["resource"].pop()
    clinic.ehr.statement = whole
    with pytest.raises(ConfigurationError, match="offers no Subscription"):
        made(clinic)


def test_connecting_again_leaves_no_second_one(clinic: Clinic) -> None:
    made(clinic)
    assert len(made(clinic)) == len(ASKED_FOR)
    asker = clinic.asker()
    assert disconnect(asker.engine, asker.source, asker.client) == len(ASKED_FOR)
    assert clinic.ehr.held == {}


def test_one_whose_server_shows_nothing_of_it_is_known_by_where_it_is(clinic: Clinic) -> None:
    clinic.ehr.statement, clinic.ehr.shows = statement("4.0.1", TOPIC), False
    (only,) = made(clinic)
    assert statuses(clinic) == ["requested"]
    clinic.feed.now += timedelta(minutes=6)
    ask(clinic.asker())
    assert statuses(clinic) == ["active"]
    asker = clinic.asker()
    assert disconnect(asker.engine, asker.source, asker.client) == 1
    assert f"Subscription/{only['id']}" not in clinic.ehr.held


def test_one_that_the_server_gave_up_is_asked_for_again_but_not_all_the_time(clinic: Clinic) -> None:
    clinic.ehr.statement = statement("4.0.1", TOPIC)
    (only,) = made(clinic)
    key = f"Subscription/{only['id']}"

    def fail_and_ask(minutes: int) -> str:
        clinic.ehr.held[key]["status"] = "error"
        clinic.feed.now += timedelta(minutes=minutes)
        ask(clinic.asker())
        status: str = clinic.ehr.held[key]["status"]
        return status

    assert fail_and_ask(6) == "active"
    assert clinic.ehr.held[key]["channel"]["header"] == [HOOK.header]
    assert fail_and_ask(6) == "error"
    assert statuses(clinic) == ["error"]
    assert fail_and_ask(10) == "active"
    assert statuses(clinic) == ["active"]


def test_what_changed_before_one_became_active_is_asked_for_without_waiting_for_the_interval(
    clinic: Clinic,
) -> None:
    clinic.ehr.statement = statement("4.0.1", TOPIC)
    ask(clinic.asker())
    clinic.ehr.put(observation("o1"))
    (only,) = made(clinic)
    ask(clinic.asker())
    assert set(clinic.feed.results()) == {"o1"}
    clinic.ehr.put(observation("o2"))
    ask(clinic.asker())
    assert set(clinic.feed.results()) == {"o1"}, "nothing was due"
    asker = clinic.asker()
    for status in ("requested", "active"):
        clinic.ehr.held[f"Subscription/{only['id']}"]["status"] = status
        look_after(asker.engine, asker.source, asker.client, asker.clock())
    ask(clinic.asker())
    assert set(clinic.feed.results()) == {"o1", "o2"}


def test_one_that_the_server_lost_is_seen_to_be_gone(clinic: Clinic) -> None:
    clinic.ehr.statement = statement("4.0.1", TOPIC)
    (only,) = made(clinic)
    clinic.ehr.remove(f"Subscription/{only['id']}")
    clinic.feed.now += timedelta(minutes=6)
    ask(clinic.asker())
    assert statuses(clinic) == ["gone"]


def test_a_statement_that_is_not_as_fhir_has_it_offers_nothing() -> None:
    from service.fhir.capabilities import read_capabilities

    assert read_capabilities({}) == Capabilities(None)
    odd = {"fhirVersion": 4, "rest": [{"resource": "no list"}, "no object", {"mode": "client"}]}
    assert read_capabilities(odd).interactions == {}
