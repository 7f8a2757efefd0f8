"""Whatever is asked: a 4xx or an answer, never a 5xx, never an echo."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from service.api.search_parameters import CONTROL, SEARCHED, parse_search, read_pairs
from service.api.targets import KINDS
from service.errors import InvalidResource, MalformedInput
from service.store.session import open_engine
from tests.api.reading_room import ReadingRoom, link, number
from tests.fhir.alert_examples import urgent

Scalar = str | int | float | bool | None

NAMES = (*SEARCHED, *CONTROL)
CANARY = "Zebediah"

values = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "p1",
            "Patient/p1",
            "final,active",
            "revoked",
            str(number(1)),
            f"{number(1)}-liver-ultrasound",
            "ge2024",
            "le9999-12-31T23:59:59-14:00",
            "0",
            "7",
            "count",
            "none",
            "\0",
            "|",
            ",",
            "a|b|c",
            "\\,",
            CANARY,
        ]
    ),
    st.binary(max_size=20).map(lambda raw: raw.decode("latin-1")),
)
names = st.one_of(
    st.sampled_from(NAMES), st.sampled_from(NAMES).map(lambda name: f"{name}:x"), st.text(max_size=10)
)
searches = st.lists(st.tuples(names, values), max_size=5)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def crowded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A reader of a database with some alerts; it stays the same for every example."""
    import shutil

    if request.param == "sqlite":
        template: Path = request.getfixturevalue("_migrated_sqlite")
        path = tmp_path_factory.mktemp("crowded") / "liverwatch.db"
        shutil.copyfile(template, path)
        engine = open_engine(f"sqlite:///{path}", durable=False)
    else:
        server = request.getfixturevalue("postgres")
        url = server.create(request.getfixturevalue("_migrated_postgres"))
        engine = open_engine(url.render_as_string(hide_password=False), durable=False)
    room = ReadingRoom(engine)
    for n in range(1, 4):
        room.put(n, urgent() if n == 2 else None)
    with room.client() as client:
        yield client
    engine.dispose()


QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(
    kind=st.sampled_from(KINDS),
    search=searches,
    form=searches,
    prefer=st.sampled_from(["", "handling=strict", "\xff;;,=", "handling=lenient"]),
    accept=st.sampled_from(["", "*/*", "application/json", ";;q=,", "text/html;q=1e999", "a;b;c=d=e"]),
)
def test_no_search_breaks_the_service(
    crowded: TestClient,
    kind: str,
    search: list[tuple[str, str]],
    form: list[tuple[str, str]],
    prefer: str,
    accept: str,
) -> None:
    headers = {b"Prefer": prefer.encode("latin-1"), b"Accept": accept.encode()}
    for answer in (
        crowded.get(f"/fhir/{kind}", params=_encodable(search), headers=headers),
        crowded.post(
            f"/fhir/{kind}/_search", params=_encodable(search), data=dict(_encodable(form)), headers=headers
        ),
    ):
        assert answer.status_code in (200, 400, 406), answer.text
        assert CANARY not in answer.text
        bundle = answer.json()
        if answer.status_code == 200:
            for relation in ("self", "next"):
                address = link(bundle, relation)
                assert address is None or crowded.get(address).status_code == 200
        else:
            assert bundle["resourceType"] == "OperationOutcome"


@QUICK
@given(body=st.binary(max_size=60))
def test_no_bytes_break_the_service(crowded: TestClient, body: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = crowded.post("/fhir/DetectedIssue/_search", content=body, headers=form)
    assert answer.status_code in (200, 400, 406)


@given(query=st.binary(max_size=80), strict=st.booleans())
def test_no_query_string_is_more_than_refused(query: bytes, strict: bool) -> None:
    with suppress(InvalidResource, MalformedInput):
        parse_search("DetectedIssue", read_pairs(query), strict=strict)


@QUICK
@given(cursor=st.binary(max_size=80), spoilt=st.integers(0, 60), by=st.integers(1, 255))
def test_no_cursor_breaks_the_service(crowded: TestClient, cursor: bytes, spoilt: int, by: int) -> None:
    import base64

    real = link(crowded.get("/fhir/DetectedIssue?_count=1&_lastUpdated=ge2024").json(), "next")
    assert real is not None
    raw = bytearray(base64.urlsafe_b64decode(real.partition("_cursor=")[2] + "=="))
    raw[spoilt % len(raw)] ^= by
    for each in (cursor, bytes(raw)):
        text = base64.urlsafe_b64encode(each).rstrip(b"=").decode()
        assert crowded.get(f"/fhir/DetectedIssue?_cursor={text}").status_code in (200, 400)


@QUICK
@given(
    path=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    kind=st.sampled_from(["DetectedIssue", "x"]),
)
def test_no_address_breaks_the_service(crowded: TestClient, path: str, kind: str) -> None:
    from urllib.parse import quote

    answer = crowded.get(f"/fhir/{kind}/{quote(path, safe='')}")
    assert answer.status_code in (200, 404)
    if answer.status_code == 404:
        assert answer.json()["resourceType"] == "OperationOutcome"


def _encodable(search: list[tuple[str, str]]) -> list[tuple[str, Scalar]]:
    """Without lone surrogates, which no client can send."""
    return [
        (name.encode("utf-8", "ignore").decode(), value.encode("utf-8", "ignore").decode())
        for name, value in search
    ]
