"""Tasks: one for each request, for sites that work from lists."""

from typing import Any

from service.alerts.alert import Alert
from service.fhir import names
from service.fhir.encode_requests import encode_requests, request_statuses
from service.fhir.encode_tasks import encode_tasks, task_statuses
from service.fhir.outgoing import validate_outgoing
from tests.fhir.alert_examples import ALERT_ID, advising, alert, urgent, went_on
from tests.fhir.test_encode_advice import TO


def tasks_of(given: Alert, *, there: bool = True, wanted: bool = True) -> dict[str, dict[str, Any]]:
    def refer(key: str) -> str:
        return f"{key.replace('/', '/our-')}" if there else f"urn:uuid:{ALERT_ID}"

    tasks = encode_tasks(given, encode_requests(given, TO), TO, refer, wanted=wanted)
    for task in tasks.values():
        validate_outgoing(task)
    return tasks


def test_a_task_says_what_is_to_be_done_about_whom_and_by_when() -> None:
    task = tasks_of(alert())["repeat-hepatic-panel"]
    assert task["identifier"] == [{"system": names.TASK, "value": f"{ALERT_ID}:repeat-hepatic-panel"}]
    assert (task["status"], task["intent"], task["priority"]) == ("requested", "proposal", "routine")
    assert task["description"].startswith("Repeat the hepatic panel")
    assert task["focus"] == {"reference": "ServiceRequest/our-repeat-hepatic-panel"}
    assert task["for"] == {"reference": "Patient/p1"}
    assert task["requester"] == {"reference": "Device/d1"}
    assert task["restriction"] == {"period": {"end": "2024-11-12"}}
    assert task["reasonReference"] == {"reference": f"urn:uuid:{ALERT_ID}"}


def test_advice_is_a_task_too_and_says_to_whom() -> None:
    task = tasks_of(advising(alert(), "patient-education"))["patient-education"]
    assert task["focus"] == {"reference": "CommunicationRequest/our-patient-education"}
    assert task["description"] == "Advice to the patient: About your liver tests"


def test_the_task_of_a_revoked_request_is_cancelled() -> None:
    tasks = tasks_of(went_on(urgent(), alert()))
    assert {name for name, task in tasks.items() if task["status"] == "cancelled"} == {"same-day-assessment"}
    assert tasks["same-day-assessment"]["note"] == [{"text": "Cancelled by Liverwatch."}]


def test_a_site_that_wants_no_tasks_any_more_has_them_cancelled() -> None:
    assert {task["status"] for task in tasks_of(urgent(), wanted=False).values()} == {"cancelled"}


def test_a_cancelled_task_names_a_request_that_is_not_there_by_its_identifier() -> None:
    tasks = tasks_of(went_on(urgent(), alert()), there=False)
    assert tasks["same-day-assessment"]["focus"] == {
        "type": "ServiceRequest",
        "identifier": {"system": names.STEP, "value": f"{ALERT_ID}:same-day-assessment"},
    }
    assert tasks["liver-ultrasound"]["focus"] == {"reference": f"urn:uuid:{ALERT_ID}"}


def test_the_statuses_told_are_those_of_the_tasks() -> None:
    given = went_on(urgent(), advising(alert(), "patient-education"))
    told = task_statuses(request_statuses(given))
    assert told == {name: task["status"] for name, task in tasks_of(given).items()}
