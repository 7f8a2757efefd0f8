"""What tests send to the feed, and what they find in the database afterwards."""

from typing import Any

import httpx2
from sqlalchemy import Engine, select

from service.store.schema import ignored, lab_result, patient, quarantine, resource
from service.store.session import reading

SECRET = "made-up-secret"
BEARER = {"Authorization": f"Bearer {SECRET}"}
FEED = "/feeds/hospital"
UNITS = "http://unitsofmeasure.org"


def observation(id_: str = "o1", version: int = 1, value: Any = 50, patient: str = "p1", **more: Any) -> Any:
    """An ALT on 1 March 2025, U/L, with the laboratory's range up to 40."""
    return {
        "resourceType": "Observation",
        "id": id_,
        "meta": {"versionId": str(version), "lastUpdated": f"2025-03-01T09:00:{version:02d}Z"},
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "1742-6"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": "2025-03-01T08:00:00Z",
        "valueQuantity": {"value": value, "unit": "U/L", "system": UNITS, "code": "U/L"},
        "referenceRange": [{"high": {"value": 40, "unit": "U/L", "system": UNITS, "code": "U/L"}}],
        **more,
    }


def bundle(type_: str, *resources: Any, **request: str) -> Any:
    """A Bundle of resources; in a batch or transaction each by PUT unless `method` says otherwise."""
    entries = []
    for each in resources:
        entry = {"resource": each}
        if type_ in ("batch", "transaction"):
            url = f"{each['resourceType']}/{each['id']}"
            entry["request"] = {"method": "PUT", "url": url} | request
        entries.append(entry)
    return {"resourceType": "Bundle", "type": type_, "entry": entries}


def check_refused(answer: httpx2.Response, status: int | None = None) -> str:
    """The answer is a 4xx with an OperationOutcome; returns its words and places."""
    assert answer.status_code == status or (status is None and 400 <= answer.status_code < 500), answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    assert issue["severity"] == "error"
    assert issue["diagnostics"]
    return " ".join([issue["code"], issue["diagnostics"], *issue.get("expression", [])])


def kept(engine: Engine) -> dict[str, tuple[str | None, str]]:
    """Version and state of every resource kept, by `Type/id`."""
    with reading(engine) as connection:
        rows = connection.execute(select(resource.c.key, resource.c.version_id, resource.c.state))
        return {row.key: (row.version_id, row.state) for row in rows}


def values(engine: Engine) -> dict[str, str]:
    """The value of every result that counts, by Observation id."""
    with reading(engine) as connection:
        rows = connection.execute(select(lab_result.c.observation_id, lab_result.c.value))
        return {row.observation_id: row.value for row in rows}


def held(engine: Engine) -> list[str]:
    """The reasons of what is in quarantine."""
    with reading(engine) as connection:
        query = select(quarantine.c.reason).where(quarantine.c.resolved.is_(None)).order_by(quarantine.c.id)
        return list(connection.execute(query).scalars())


def counted(engine: Engine) -> dict[str, int]:
    """How many resources were ignored, by reason."""
    with reading(engine) as connection:
        rows = connection.execute(select(ignored.c.reason, ignored.c.count))
        return {reason: count for reason, count in rows}  # noqa: C416 - rows are not pairs


def unjudged(engine: Engine) -> int:
    """How many patients are behind their judgement."""
    with reading(engine) as connection:
        query = select(patient.c.id).where(patient.c.revision != patient.c.judged_revision)
        return len(connection.execute(query).all())
