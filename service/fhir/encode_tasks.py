"""A Task for each request of an alert, for a site that works from task lists."""

from collections.abc import Callable, Mapping

from service.alerts.alert import Alert
from service.fhir import names, wording
from service.fhir.encode import Addresses, Resource, without_nothing
from service.fhir.standing import STATUSES, is_live

_STATUSES = STATUSES["Task"]


def encode_tasks(
    alert: Alert,
    requests: Mapping[str, Resource],
    to: Addresses,
    refer: Callable[[str], str],
    *,
    wanted: bool = True,
    with_id: bool = False,
) -> dict[str, Resource]:
    """A Task for every request, by the name of its step; cancelled where the request is not live.

    Args:
        alert: whose they are.
        requests: of `encode_requests`.
        to: how they refer to their surroundings.
        refer: from the key of a request to the reference to it.
        wanted: False where the site wants no Tasks any more: all of them are cancelled.
        with_id: give each an id (on this service's own endpoint).
    """
    return {
        name: _task(alert, name, request, to, refer, wanted, with_id) for name, request in requests.items()
    }


def task_statuses(requests: Mapping[str, str]) -> dict[str, str]:
    """The status of each of `encode_tasks`, from those of the requests."""
    return {
        name: _STATUSES.live if status == "active" else _STATUSES.over for name, status in requests.items()
    }


def _task(
    alert: Alert,
    name: str,
    request: Resource,
    to: Addresses,
    refer: Callable[[str], str],
    wanted: bool,
    with_id: bool,
) -> Resource:
    live = wanted and is_live(request)
    title = _title(request)
    due = request.get("occurrenceDateTime")
    return without_nothing(
        {
            "resourceType": "Task",
            "id": names.step_id(alert.id, name) if with_id else None,
            "text": wording.narrative(title, [f"Due: {due}"] if due else [])
            if live
            else wording.narrative(f"Cancelled: {title}", []),
            "identifier": [{"system": names.TASK, "value": names.step_value(alert.id, name)}],
            "status": _STATUSES.live if live else _STATUSES.over,
            "intent": "proposal",
            "priority": request.get("priority"),
            "description": title,
            "focus": _focus(request, refer(names.key_of(request))),
            "for": request["subject"],
            "requester": request.get("requester"),
            "reasonReference": {"reference": to.issue},
            "note": [] if live else [names.CANCELLED],
            "restriction": {"period": {"end": due}} if due else None,
        }
    )


def _title(request: Resource) -> str:
    """What a clinician reads: an advice has no code, and says in its categories what it is."""
    concepts = [request["code"]] if "code" in request else request["category"]
    return ": ".join(each["text"] for each in concepts)


def _focus(request: Resource, reference: str) -> Resource:
    """The request; by its identifier alone where it is not on the server and will not be."""
    if reference.startswith("urn:") and not is_live(request):
        return {"type": request["resourceType"], "identifier": request["identifier"][0]}
    return {"reference": reference}
