"""Each style tells of changes as its kind of server does."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from fhir.resources import get_fhir_model_class as r5_model
from fhir.resources.R4B import get_fhir_model_class as r4b_model

from service.simulated_ehr.mishaps import Ledger, Mishaps, Odds
from service.simulated_ehr.playing import subscription_for
from service.simulated_ehr.server import Options
from service.simulated_ehr.styles import STYLES
from tests.simulated_ehr.serving_here import hospital, listening, until

WITH_TOPICS = ("backport-r4", "backport-r4b", "r5")
R5_EXAMPLES = {
    "handshake": "54f808cf-d159-4c9b-accb-c33eb20f0ecc",
    "empty": "9601c07a-e34f-4945-93ca-6efb5394c995",
    "id-only": "3945182f-d315-4dbf-9259-09d863c7e7da",
    "full-resource": "00b99077-2bda-436e-98cc-a4f65d6c2fe0",
}
RESULT: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"text": "ALT"},
}


def options(style: str, url: str, content: Any = "full-resource", **more: Any) -> Options:
    kind = STYLES[style]
    return Options(kind, subscriptions=subscription_for(kind, url, "made-up", content), **more)


def names(bundle: Any) -> list[str]:
    """The elements of the first entry's resource: those of Parameters by name."""
    state = bundle["entry"][0]["resource"]
    if state["resourceType"] != "Parameters":
        return sorted(state)
    return [
        *(each["name"] for each in state["parameter"]),
        *(part["name"] for each in state["parameter"] for part in each.get("part", ())),
    ]


def test_hapi_puts_a_result_to_its_own_address_and_deletes_it_there() -> None:
    with listening() as listener, hospital(options("hapi", listener.url)) as (ehr, _):
        until(lambda: ehr.get("Subscription/start-observation").json()["status"] == "active")
        ehr.put("Observation/o1", json=RESULT)
        listener.wait(1)
        ehr.delete("Observation/o1")
        put, deleted = listener.wait(2)
        assert (put.method, put.path) == ("PUT", "/feeds/x/Observation/o1")
        assert json.loads(put.body)["meta"]["versionId"] == "1"
        assert put.headers["Authorization"] == "Bearer made-up"
        assert (deleted.method, deleted.path) == ("DELETE", "/feeds/x/Observation/o1")
        assert ehr.get("Observation/o1").status_code == 410


def test_hapi_gives_a_notification_up_and_stays_active() -> None:
    with listening() as listener, hospital(options("hapi", listener.url, give_up_seconds=0)) as (ehr, it):
        until(lambda: ehr.get("Subscription/start-observation").json()["status"] == "active")
        listener.answers = [503]
        ehr.put("Observation/o1", json=RESULT)
        until(lambda: it.notifier.ledger.given_up == ["Observation/o1 version 1"])
        assert ehr.get("Subscription/start-observation").json()["status"] == "active"


def test_medplum_signs_its_body_and_tells_a_deletion_by_a_header() -> None:
    with listening() as listener, hospital(options("medplum", listener.url)) as (ehr, _):
        ehr.put("Observation/o1", json=RESULT)
        listener.wait(1)
        ehr.delete("Observation/o1")
        posted, deleted = listener.wait(2)
        assert (posted.method, posted.path) == ("POST", "/feeds/x")
        signature = hmac.new(b"made-up", posted.body, hashlib.sha256).hexdigest()
        assert posted.headers["X-Signature"] == signature
        assert (deleted.body, deleted.headers["X-Medplum-Deleted-Resource"]) == (b"{}", "Observation/o1")


def test_medplum_cuts_a_header_at_its_second_colon_and_leaves_a_requested_subscription_alone() -> None:
    with listening() as listener, hospital(Options(STYLES["medplum"])) as (ehr, _):
        asked = subscription_for(STYLES["medplum"], listener.url, "made:up", "full-resource")[0]
        ehr.put(f"Subscription/{asked['id']}", json={**asked, "status": "requested"})
        ehr.put("Observation/o1", json=RESULT)
        assert ehr.get(f"Subscription/{asked['id']}").json()["status"] == "requested"
        ehr.put(f"Subscription/{asked['id']}", json=asked)
        ehr.put("Observation/o1", json=RESULT)
        (told,) = listener.wait(1)
    assert json.loads(told.body)["meta"]["versionId"] == "2"
    assert told.headers["Authorization"] == "Bearer made"


def test_medplum_does_not_redeliver_a_version_once_there_is_a_newer_one() -> None:
    with listening() as listener, hospital(options("medplum", listener.url)) as (ehr, it):
        listener.answers = [503]
        bundle = {
            "resourceType": "Bundle",
            "type": "batch",
            "entry": [{"resource": RESULT, "request": {"method": "PUT", "url": "Observation/o1"}}] * 2,
        }
        ehr.post("", json=bundle)
        told = listener.wait(2)
        assert [json.loads(each.body)["meta"]["versionId"] for each in told] == ["1", "2"]
        assert it.notifier.ledger.given_up == ["Observation/o1 version 1"]


@pytest.mark.parametrize("style", WITH_TOPICS)
@pytest.mark.parametrize("content", ["empty", "id-only", "full-resource"])
def test_topic_notifications_have_the_form_of_the_official_examples(
    style: str, content: str, shared_data: Path
) -> None:
    with listening() as listener, hospital(options(style, listener.url, content)) as (ehr, _):
        until(lambda: ehr.get("Subscription/start").json()["status"] == "active")
        ehr.put("Observation/o1", json=RESULT)
        handshake, event = (json.loads(each.body) for each in listener.wait(2))
    model = r5_model if style == "r5" else r4b_model
    for bundle in (handshake, event):
        model("Bundle").model_validate(bundle)
    assert len(event["entry"]) == 1 + (content == "full-resource" or (content, style) == ("id-only", "r5"))
    prefix = style.removeprefix("backport-")
    for told, name in ((handshake, "handshake"), (event, content)):
        file = (
            f"r5/Bundle-{R5_EXAMPLES[name]}"
            if style == "r5"
            else f"backport-ig/Bundle-{prefix}-notification-{name}"
        )
        path = shared_data / "fhir_examples" / f"{file}.json"
        if not path.exists():
            pytest.skip(f"{path.name} is not there")
        example = json.loads(path.read_bytes())
        for entry in example["entry"]:
            entry.get("resource", {}).pop("text", None)
        assert [sorted(each) for each in told["entry"]] == [sorted(each) for each in example["entry"]]
        assert told["type"] == example["type"]
        if style == "r5":  # one of its examples leaves the topic out
            assert set(names(told)) - {"topic"} == set(names(example)) - {"topic"}
        else:
            assert (names(told), told["meta"]) == (names(example), example["meta"])


@pytest.mark.parametrize("style", WITH_TOPICS)
def test_a_handshake_that_is_refused_puts_the_subscription_in_error(style: str) -> None:
    with listening() as listener:
        listener.answers = [500]
        with hospital(options(style, listener.url)) as (ehr, _):
            until(lambda: ehr.get("Subscription/start").json()["status"] == "error")


@pytest.mark.parametrize("style", WITH_TOPICS)
def test_a_heartbeat_comes_when_nothing_else_does(style: str) -> None:
    with listening() as listener, hospital(Options(STYLES[style])) as (ehr, _):
        (asked,) = subscription_for(STYLES[style], listener.url, None, "empty")
        text = json.dumps(asked).replace(": 60", ": 1")
        assert ehr.put("Subscription/start", content=text).status_code == 201
        handshake, heartbeat = (json.loads(each.body) for each in listener.wait(2))
    assert "handshake" in json.dumps(handshake["entry"][0])
    assert "heartbeat" in json.dumps(heartbeat["entry"][0])


@pytest.mark.parametrize("style", WITH_TOPICS)
def test_events_that_were_lost_can_be_asked_for_by_number(style: str) -> None:
    with listening() as listener:
        losing = options(style, listener.url, odds=Odds(lose=1.0))
        with hospital(losing) as (ehr, it):
            until(lambda: ehr.get("Subscription/start").json()["status"] == "active")
            for _ in range(3):
                ehr.put("Observation/o1", json=RESULT)
            until(lambda: len(it.notifier.ledger.lost) == 3)
            answer = ehr.get("Subscription/start/$events", params={"eventsSinceNumber": "2"}).json()
            status = ehr.get("Subscription/start/$status").json()
            assert ehr.get("Subscription/start/$events?eventsSinceNumber=x").status_code == 400
        assert len(listener.told) == 1  # the handshake
    versions = [each["resource"]["meta"]["versionId"] for each in answer["entry"][1:]]
    assert versions == ["2", "3"]
    assert "query-event" in json.dumps(answer["entry"][0])
    assert "query-status" in json.dumps(status["entry"][0])


def test_a_filter_limits_the_type_it_is_for() -> None:
    with listening() as listener, hospital(Options(STYLES["backport-r4"])) as (ehr, _):
        (asked,) = subscription_for(STYLES["backport-r4"], listener.url, None, "id-only")
        url = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria"
        asked["_criteria"] = {"extension": [{"url": url, "valueString": "Observation?status=final"}]}
        assert ehr.put("Subscription/start", json=asked).status_code == 201
        until(lambda: ehr.get("Subscription/start").json()["status"] == "active")
        ehr.put("Observation/o2", json={**RESULT, "id": "o2", "status": "preliminary"})
        ehr.put("Observation/o1", json=RESULT)
        told = listener.wait(2)
    assert b"Observation/o1" in told[1].body


@pytest.mark.parametrize("style", ["hapi", *WITH_TOPICS])
def test_a_subscription_that_cannot_be_served_is_refused_when_it_is_made(style: str) -> None:
    with hospital(Options(STYLES[style])) as (ehr, _):
        asked = subscription_for(STYLES[style], "mailto:a@b.example", None, "full-resource")[0]
        assert ehr.put(f"Subscription/{asked['id']}", json=asked).status_code == 422


@pytest.mark.parametrize("style", ["hapi", "medplum", *WITH_TOPICS])
def test_the_capability_statement_is_that_of_its_version(style: str) -> None:
    kind = STYLES[style]
    with hospital(Options(kind)) as (ehr, _):
        statement = ehr.get("metadata").json()
        topics = ehr.get("SubscriptionTopic").json().get("entry", [])
    assert statement["fhirVersion"] == kind.fhir_version
    model = r5_model if style == "r5" else r4b_model
    model("CapabilityStatement").model_validate(statement)
    for each in topics:
        model("SubscriptionTopic").model_validate(each["resource"])
    assert bool(topics) == (style in ("backport-r4b", "r5"))
    assert ("subscriptiontopic-canonical" in json.dumps(statement)) == (style == "backport-r4")


def test_mishaps_are_the_same_for_a_seed_and_all_are_accounted_for() -> None:
    def play(seed: int) -> tuple[list[int], Ledger]:
        ledger = Ledger()
        mishaps = Mishaps[int](Odds(0.2, 0.2, reorder=True, seed=seed), ledger, str)
        sent = [each for number in range(200) for each in mishaps.pass_on(number)]
        return [*sent, *mishaps.release()], ledger

    (sent, ledger), again = play(7), play(7)
    assert (sent, ledger) == again
    assert sent != play(8)[0]
    assert len(sent) == 200 - len(ledger.lost) + len(ledger.duplicated)
    assert set(range(200)) - set(sent) == set(map(int, ledger.lost))
    assert ledger.reordered
    assert sent != sorted(sent)
