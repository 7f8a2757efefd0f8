"""What the CapabilityStatement says is so."""

from starlette.testclient import TestClient

from service.fhir.outgoing import validate_outgoing
from tests.api.reading_room import AUDITING, BASE, TOKEN, ReadingRoom, link, number


def test_the_statement_is_valid_and_says_where_it_stands(client: TestClient) -> None:
    answer = client.get("/fhir/metadata")
    statement = answer.json()
    validate_outgoing(statement)
    assert answer.headers["content-type"] == "application/fhir+json"
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["implementation"]["url"] == BASE


def test_everything_it_says_can_be_done_and_nothing_else(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    values = {
        "patient": "p1",
        "identifier": "x",
        "_id": str(number(1)),
        "_lastUpdated": "ge2020",
        "url": "https://liverwatch.example/fhir/Library/rulebook",
        "version": "2026.1",
        "name": "Rulebook",
    }
    statuses = {"DetectedIssue": "final", "Task": "requested,cancelled", "ServiceRequest": "active,revoked"}
    values |= {"target": f"DetectedIssue/{number(1)}", "recorded": "ge2020"}
    values |= {"date": "ge2020", "agent": "reader:ward", "action": "R", "type": "rest", "subtype": "read"}
    (rest,) = client.get("/fhir/metadata").json()["rest"]
    for resource in rest["resource"]:
        kind = resource["type"]
        client.headers["Authorization"] = f"Bearer {AUDITING if kind == 'AuditEvent' else TOKEN}"
        interactions = {each["code"] for each in resource["interaction"]}
        searched = client.get(f"/fhir/{kind}").status_code
        assert ("search-type" in interactions) == (searched == 200)
        for parameter in resource.get("searchParam", ()):
            values["status"] = statuses.get(kind, "active")
            value = values[parameter["name"]]
            found = client.get(
                f"/fhir/{kind}", params={parameter["name"]: value}, headers={"Prefer": "handling=strict"}
            )
            assert found.status_code == 200
            assert link(found.json(), "self") != f"/fhir/{kind}?_count=50"
        assert client.post(f"/fhir/{kind}", json={}).status_code in (404, 405)
        assert client.put(f"/fhir/{kind}/{number(1)}", json={}).status_code in (404, 405)
    assert client.get(f"/fhir/DetectedIssue/{number(1)}/_history").status_code == 404
