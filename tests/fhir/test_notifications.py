"""Every official example of a notification is received as what it is, and so is what servers make of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.errors import InvalidResource, TooLarge
from service.fhir.incoming import Deleted, Observed
from service.fhir.notifications import BUNDLE_TYPES, Notification, bundle_type, decode_notification
from tests.ingest.feeding import RULEBOOK, observation

EXAMPLES = Path(__file__).parents[3] / "shared" / "data" / "fhir_examples"
NOTIFYING = [
    path
    for path in sorted(EXAMPLES.glob("*/Bundle-*.json"))
    if json.loads(path.read_text(encoding="utf-8"))["type"] in BUNDLE_TYPES
]
BASE = "https://ehr.clinic.test/fhir"


def decode(bundle: Any, **more: Any) -> Notification:
    raw = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    assert bundle_type(raw) in BUNDLE_TYPES
    return decode_notification(raw, source="clinic", zone=None, rulebook=RULEBOOK, **more)


@pytest.mark.skipif(not NOTIFYING, reason=f"the published examples are not at {EXAMPLES}")
@pytest.mark.parametrize("path", NOTIFYING, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_official_example_is_received_as_what_it_is(path: Path) -> None:
    bundle = json.loads(path.read_text(encoding="utf-8"))
    first, *others = [each.get("resource") for each in bundle["entry"]]
    told = decode(path.read_bytes())
    if first["resourceType"] == "Parameters":
        stated = {each["name"]: each for each in first["parameter"]}
        kind, status = stated["type"]["valueCode"], stated["status"]["valueCode"]
        events = [each for each in first["parameter"] if each["name"] == "notification-event"]
    else:
        kind, status, events = first["type"], first["status"], first.get("notificationEvent", [])
    assert (told.kind, told.status) == (kind, status)
    assert [each.type for each in told.incoming] == [each["resourceType"] for each in others if each]
    # The examples are of Encounters, which are not read, with Patients beside them, which are.
    carried = {f"{each.type}/{each.id}" for each in told.incoming}
    assert all(key.startswith("Patient/") and key not in carried for key in told.to_fetch)
    names_something = "focus" in json.dumps(first)
    assert told.whatever == (bool(events) and not names_something)


def r4(kind: str, *events: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    stated: list[dict[str, Any]] = [
        {"name": "type", "valueCode": kind},
        {"name": "status", "valueCode": "active"},
    ]
    stated += [{"name": name.replace("_", "-"), "valueString": value} for name, value in parameters.items()]
    parts = [
        [{"name": name, "valueReference": {"reference": value}} for name, value in each.items()]
        for each in events
    ]
    stated += [{"name": "notification-event", "part": each} for each in parts]
    return {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Parameters", "parameter": stated}}


def history(*entries: Any, type_: str = "history") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type_, "entry": list(entries)}


def test_what_is_carried_is_not_fetched_whatever_its_full_url() -> None:
    event = r4("event-notification", {"focus": f"{BASE}/Observation/o1"})
    entry = {"fullUrl": "http://behind.the.proxy/Observation/o1", "resource": observation("o1")}
    told = decode(history(event, entry))
    (only,) = told.incoming
    assert isinstance(only.content, Observed)
    assert told.to_fetch == ()


def test_a_pointer_elsewhere_keeps_no_more_than_type_and_id() -> None:
    event = r4("event-notification", {"focus": "https://evil.test/fhir/Observation/o1/_history/4"})
    assert decode(history(event)).to_fetch == ("Observation/o1",)
    odd = r4("event-notification", {"focus": "https://evil.test/?x=Observation/../../o1"})
    assert decode(history(odd)).to_fetch == ()


def test_context_that_is_pointed_at_is_fetched_and_what_is_not_read_is_not() -> None:
    event = r4(
        "event-notification",
        {"focus": "Observation/o1", "additional-context": "Patient/p1"},
        {"focus": "Encounter/e1"},
    )
    assert decode(history(event)).to_fetch == ("Observation/o1", "Patient/p1")


def test_a_deletion_is_a_tombstone() -> None:
    event = r4("event-notification", {"focus": f"{BASE}/Observation/o1"})
    gone = {"fullUrl": f"{BASE}/Observation/o1", "request": {"method": "DELETE", "url": "Observation/o1"}}
    told = decode(history(event, gone))
    (only,) = told.incoming
    assert (only.type, only.id, only.content) == ("Observation", "o1", Deleted())
    assert told.to_fetch == ()


def test_an_event_that_names_nothing_says_that_something_changed() -> None:
    assert decode(history(r4("event-notification"))).whatever
    assert not decode(history(r4("heartbeat"))).whatever
    assert not decode(history(r4("handshake"))).whatever


@pytest.mark.parametrize(("stated", "events"), [("17", 17), (17, 17), ("many", None), (None, None)])
def test_events_are_counted_as_texts_or_numbers_or_not_at_all(stated: Any, events: int | None) -> None:
    entry = r4("heartbeat", events_since_subscription_start=stated)
    assert decode(history(entry)).events == events


@pytest.mark.parametrize("status", ["x" * 1000, ["active"], 7, None])
def test_a_status_that_no_subscription_can_have_is_none(status: Any) -> None:
    entry = {"resource": {"resourceType": "SubscriptionStatus", "type": "heartbeat", "status": status}}
    assert decode(history(entry)).status == ""


def test_a_plain_history_is_taken_as_its_entries() -> None:
    entries = [
        {"resource": observation("o1", version=2), "request": {"method": "PUT", "url": "Observation/o1"}},
        {"resource": observation("o1", version=1), "request": {"method": "POST", "url": "Observation"}},
        {"request": {"method": "DELETE", "url": "Observation/o2"}},
    ]
    told = decode(history(*entries))
    assert told.kind == ""
    assert [(each.id, each.version_id) for each in told.incoming] == [("o1", "2"), ("o1", "1"), ("o2", None)]


def test_exact_decimals_survive_being_carried() -> None:
    whole = json.dumps(history(r4("event-notification"), {"resource": observation("o1", times="3")}))
    raw = whole.replace('"value": 120.0', '"value": 120.50').encode()
    (only,) = decode(raw).incoming
    assert b'"value": 120.50' in only.raw


@pytest.mark.parametrize(
    ("bundle", "place"),
    [
        (history(r4("no-such-type")), "Bundle.entry[0].resource"),
        (history(type_="subscription-notification"), "Bundle.entry[0]"),
        (history({"resource": observation("o1")}, type_="subscription-notification"), "Bundle.entry[0]"),
    ],
)
def test_what_does_not_say_what_it_is_is_refused(bundle: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidResource) as refused:
        decode(bundle)
    assert refused.value.where == place


def test_too_many_entries_are_refused() -> None:
    with pytest.raises(TooLarge):
        decode(
            history(r4("heartbeat"), *({"resource": observation(f"o{n}")} for n in range(3))), max_entries=3
        )
