"""Say on the server who wrote and from what: our Device, once, and a Provenance for each revision written."""

from collections.abc import Callable
from typing import Any

from service.fhir.changes import identifier_query
from service.fhir.client import FhirClient
from service.fhir.comparing import has_tag
from service.fhir.remote import RemoteRefused, RemoteUnavailable
from service.fhir.write_back import search_ours

Resource = dict[str, Any]


def record_origin(client: FhirClient, provenance: Resource, still_ours: Callable[[], bool]) -> bool:
    """Write a Provenance unless the server has one of the same target and revision.

    Returns:
        Whether it was written.

    Raises:
        RemoteError: the server did not answer, or refused.
        InvalidOutgoing: what we made is not valid.
    """
    if _recorded(client, provenance):
        return False
    if not still_ours():
        raise RemoteUnavailable("the lease ran out before the write")
    try:
        client.create(provenance)
    except RemoteRefused:
        if not _recorded(client, provenance):  # a refusal that was a lost race
            raise
    return True


def ensure_author(client: FhirClient, device: Resource) -> str:
    """Reference to the Device that stands for this service on that server, made where there is none.

    Raises:
        RemoteError: the server did not answer, or refused.
    """
    identifier = device["identifier"][0]
    system, value = identifier["system"], identifier["value"]
    there = search_ours(client, "Device", system, value)
    if not there:
        try:
            made = [client.create(device, if_none_exist=identifier_query(system, value)).resource]
        except RemoteRefused:
            there = search_ours(client, "Device", system, value)
            if not there:  # no refusal that was a lost race
                raise
        else:
            there = search_ours(client, "Device", system, value) or made
    if not isinstance(there[0].get("id"), str):
        raise RemoteUnavailable("the server has taken our Device and does not find it")
    return f"Device/{there[0]['id']}"


def _recorded(client: FhirClient, provenance: Resource) -> bool:
    tag = provenance["meta"]["tag"][0]
    target = {"target": provenance["target"][0]["reference"]}
    try:
        there = client.search("Provenance", {**target, "_tag": f"{tag['system']}|{tag['code']}"})
    except RemoteRefused:
        there = client.search("Provenance", target)  # it does not search by tag
    return any(has_tag(each, tag["system"], tag["code"]) for each in there)
