"""The rules are published as FHIR: found by URL, identifier, name and id, and complete."""

import base64
import hashlib
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from service.clinical.catalogues.rules import rules
from service.clinical.recommendations import orderables
from service.clinical.rulebook import load_rulebook, parse_rulebook
from service.fhir.outgoing import validate_outgoing
from service.fhir import names
from tests.api.reading_room import BASE, PUBLIC_URL, ReadingRoom, link, matches, pages

KINDS = ("PlanDefinition", "ActivityDefinition", "Library")
PLAN = f"{names.ROOT}/PlanDefinition/hys-law"


def test_every_rule_every_step_and_the_rulebook_are_published_as_valid_fhir(client: TestClient) -> None:
    for kind, expected in zip(KINDS, (list(rules()), list(orderables()), ["rulebook"]), strict=True):
        found = client.get(f"/fhir/{kind}").json()
        validate_outgoing(found)
        assert matches(found) == expected
        assert found["total"] == len(expected)
        for entry in found["entry"]:
            validate_outgoing(entry["resource"])
            assert entry["resource"]["status"] == "active"
            assert entry["resource"]["version"] == "2026.1"
            assert entry["resource"]["publisher"] == "site"
            assert entry["resource"]["date"] == "2026-11-25"
            assert client.get(f"/fhir/{kind}/{entry['resource']['id']}").json() == entry["resource"]


def test_a_rule_says_for_whom_by_which_sources_and_where_it_ends(client: TestClient) -> None:
    plan = client.get("/fhir/PlanDefinition/hys-law").json()
    assert plan["url"] == PLAN
    cited = [each["citation"] for each in plan["relatedArtifact"] if each["type"] == "citation"]
    assert any(each.startswith("US Food and Drug Administration") for each in cited)
    (page,) = [each["url"] for each in plan["relatedArtifact"] if each["type"] == "documentation"]
    assert page == f"{PUBLIC_URL}/rules/hys-law"
    assert {each["code"]["code"] for each in plan["useContext"]} == {"user", "focus"}
    for heading in ("Inputs:", "Limits:", "Known gaps:"):
        assert heading in plan["usage"]
    assert plan["description"]
    assert plan["purpose"]


def test_its_steps_and_its_library_are_published_under_the_addresses_it_gives(client: TestClient) -> None:
    for plan in (each["resource"] for each in client.get("/fhir/PlanDefinition").json()["entry"]):
        for kind, canonical in [
            *(("ActivityDefinition", action["definitionCanonical"]) for action in plan["action"]),
            *(("Library", each) for each in plan["library"]),
        ]:
            assert client.get(f"/fhir/{kind}", params={"url": canonical}).json()["total"] == 1


def test_the_library_holds_the_rulebook_that_decisions_name(client: TestClient) -> None:
    library = client.get("/fhir/Library/rulebook").json()
    (content,) = library["content"]
    text = base64.b64decode(content["data"])
    assert content["size"] == len(text)
    assert base64.b64decode(content["hash"]) == hashlib.sha1(text, usedforsecurity=False).digest()
    assert parse_rulebook(text.decode()).digest == load_rulebook().digest == library["identifier"][0]["value"]


def test_the_library_of_a_site_is_complete_without_its_parent(room: ReadingRoom) -> None:
    site = parse_rulebook('version = "clinic-1"\nparent = "2026.1"\n' + ENTRY)
    with room.client() as client:
        client.app.state.rules = replace(client.app.state.rules, rulebook=site)  # type: ignore[attr-defined]
        library = client.get("/fhir/Library/rulebook").json()
        plan = client.get("/fhir/PlanDefinition/jaundice").json()
    text = base64.b64decode(library["content"][0]["data"]).decode()
    assert parse_rulebook(text, lambda _: None).digest == site.digest
    assert plan["version"] == library["version"] == "clinic-1"
    assert {"type": "citation", "label": "site", "citation": "Minutes of our committee."} in plan[
        "relatedArtifact"
    ]
    assert "date" not in plan


ENTRY = """
urgent.jaundice.bilirubin = { value = 4, citation = "site", tag = "V" }
citations.site = "Minutes of our committee."
"""


@pytest.mark.parametrize(
    ("parameter", "value", "found"),
    [
        ("url", PLAN, ["hys-law"]),
        ("url", f"{PLAN}|2026.1", ["hys-law"]),
        ("url", f"{PLAN}|2025.9", []),
        ("identifier", f"{names.RULE}|jaundice", ["jaundice"]),
        ("identifier", "jaundice", ["jaundice"]),
        ("identifier", "elsewhere|jaundice", []),
        ("name", "possible", ["possible-hys-law"]),
        ("name", "hyslaw", ["hys-law"]),
        ("_id", "jaundice,pregnancy", ["jaundice", "pregnancy"]),
        ("version", "2025.9", []),
        ("status", "retired", []),
    ],
)
def test_definitions_are_found(client: TestClient, parameter: str, value: str, found: list[str]) -> None:
    assert matches(client.get("/fhir/PlanDefinition", params={parameter: value}).json()) == found
    posted = client.post("/fhir/PlanDefinition/_search", data={parameter: value}).json()
    assert matches(posted) == found


def test_pages_lead_through_all_of_them(client: TestClient) -> None:
    walked = [each for page in pages(client, "/fhir/PlanDefinition?_count=7") for each in matches(page)]
    assert walked == list(rules())
    counted = client.get("/fhir/PlanDefinition?_summary=count").json()
    assert (counted["total"], matches(counted)) == (len(rules()), [])
    assert link(counted, "next") is None


def test_what_is_not_there_or_not_known_is_refused(client: TestClient) -> None:
    assert client.get("/fhir/PlanDefinition/nonsense").status_code == 404
    assert client.get("/fhir/PlanDefinition?_count=few").status_code == 400
    assert client.get("/fhir/PlanDefinition?name:exact=HysLaw").status_code == 400
    strict = {"Prefer": "handling=strict"}
    assert client.get("/fhir/Library?colour=red", headers=strict).status_code == 400
    assert client.get("/fhir/Library?colour=red").json()["total"] == 1


def test_reading_them_takes_a_token_and_no_line_of_the_audit(room: ReadingRoom) -> None:
    with room.client(None) as nobody:
        assert nobody.get("/fhir/PlanDefinition").status_code == 401
    with room.client() as client:
        assert client.get("/fhir/PlanDefinition").status_code == 200
    assert room.audited() == []


def test_every_proposal_names_a_rule_that_is_published(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    asked = client.get("/fhir/ServiceRequest").json()["entry"]
    assert asked
    for each in asked:
        (canonical,) = each["resource"]["instantiatesCanonical"]
        assert canonical.endswith("|2026.1")
        found = client.get("/fhir/PlanDefinition", params={"url": canonical}).json()
        assert found["total"] == 1
        assert found["entry"][0]["fullUrl"].startswith(f"{BASE}/PlanDefinition/")
