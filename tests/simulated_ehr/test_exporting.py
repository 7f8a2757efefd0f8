"""The simulated EHR exports in bulk: what there is at the moment of asking, in several files."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from service.simulated_ehr.server import Hospital, Options
from tests.liver_files import person, result
from tests.simulated_ehr.serving_here import hospital

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def full() -> Iterator[tuple[httpx2.Client, Hospital]]:
    """Three people, of whom p1 has 250 results."""
    with hospital(Options()) as (ehr, simulated):
        for each in ("p1", "p2", "p3"):
            simulated.records.put(person(each))
        for number in range(250):
            simulated.records.put(result(f"o{number}", "p1", "2025-01-01"))
        simulated.records.put(result("x1", "p2", "2025-01-01", analyte="AST"))
        yield ehr, simulated


def export(ehr: httpx2.Client, path: str = "$export", **asked: str) -> Any:
    """The manifest, once it is ready."""
    begun = ehr.get(path, params=asked, headers=ASYNC)
    assert begun.status_code == 202
    while (answer := ehr.get(begun.headers["Content-Location"])).status_code == 202:
        assert answer.headers["Retry-After"] == "1"
        assert "%" in answer.headers["X-Progress"]
    assert answer.status_code == 200
    return answer.json()


def ids(ehr: httpx2.Client, items: list[Any]) -> list[list[str]]:
    files = [ehr.get(each["url"]).text.splitlines() for each in items]
    assert [len(each) for each in files] == [each["count"] for each in items]
    return [[json.loads(line)["id"] for line in each] for each in files]


def test_all_there_is_comes_in_files_of_one_type_each(full: tuple[httpx2.Client, Hospital]) -> None:
    ehr, _ = full
    manifest = export(ehr)
    assert [each["type"] for each in manifest["output"]] == ["Observation"] * 3 + ["Patient"]
    assert [len(each) for each in ids(ehr, manifest["output"])] == [100, 100, 51, 3]
    assert (manifest["deleted"], manifest["error"], manifest["requiresAccessToken"]) == ([], [], False)


def test_types_and_filters_limit_it(full: tuple[httpx2.Client, Hospital]) -> None:
    ehr, _ = full
    filters = "Observation?code=1920-8%2C2324-2,Patient?_id=p2"
    manifest = export(ehr, _type="Observation,Patient", _typeFilter=filters)
    assert ids(ehr, manifest["output"]) == [["x1"], ["p2"]]
    assert ehr.get("$export", params={"_typeFilter": "Patient?shoe=3"}, headers=ASYNC).status_code == 400


def test_since_a_time_it_tells_what_was_written_and_what_was_deleted(
    full: tuple[httpx2.Client, Hospital],
) -> None:
    ehr, simulated = full
    since = export(ehr)["transactionTime"]
    simulated.records.put(person("p4"))
    simulated.records.delete("Observation", "o1")
    manifest = export(ehr, _since=since)
    assert ids(ehr, manifest["output"]) == [["p4"]]
    (file,) = manifest["deleted"]
    (entry,) = json.loads(ehr.get(file["url"]).text)["entry"]
    assert entry["request"] == {"method": "DELETE", "url": "Observation/o1"}


def test_of_a_group_it_exports_the_members(full: tuple[httpx2.Client, Hospital]) -> None:
    ehr, simulated = full
    members = [{"entity": {"reference": "Patient/p2"}}]
    simulated.records.put({"resourceType": "Group", "id": "g", "member": members})
    assert ids(ehr, export(ehr, "Group/g/$export")["output"]) == [["x1"], ["p2"]]
    assert ehr.get("Group/none/$export", headers=ASYNC).status_code == 404


def test_files_are_compressed_for_whoever_takes_that_and_gone_once_the_job_is_deleted(
    full: tuple[httpx2.Client, Hospital],
) -> None:
    ehr, _ = full
    url = export(ehr)["output"][0]["url"]
    with ehr.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert len(gzip.decompress(b"".join(answer.iter_raw())).splitlines()) == 100
    job = url.rpartition("/")[0]
    assert ehr.delete(job).status_code == 202
    assert [ehr.get(each).status_code for each in (job, url)] == [404, 404]


def test_it_is_asked_asynchronously_or_not_at_all(full: tuple[httpx2.Client, Hospital]) -> None:
    ehr, _ = full
    assert ehr.get("$export").status_code == 400
    assert ehr.get("$export", params={"_outputFormat": "text/csv"}, headers=ASYNC).status_code == 400
    assert ehr.get("$export", params={"_since": "2025"}, headers=ASYNC).status_code == 400


def test_where_a_token_is_asked_for_an_export_needs_it_too() -> None:
    with hospital(Options(token="secret")) as (ehr, simulated):
        simulated.records.put(person("p1"))
        assert ehr.get("$export", headers=ASYNC).status_code == 401
        ehr.headers["Authorization"] = "Bearer secret"
        manifest = export(ehr)
        assert manifest["requiresAccessToken"]
        del ehr.headers["Authorization"]
        assert ehr.get(manifest["output"][0]["url"]).status_code == 401


@pytest.mark.parametrize("offers", ["$export", "Group/g/$export"])
def test_its_capability_statement_says_so(full: tuple[httpx2.Client, Hospital], offers: str) -> None:
    ehr, _ = full
    (rest,) = ehr.get("metadata").json()["rest"]
    holder = rest if offers == "$export" else next(e for e in rest["resource"] if e["type"] == "Group")
    assert [each["name"] for each in holder["operation"]] == ["export"]
