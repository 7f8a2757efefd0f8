"""A source that signs: what is signed is taken, and nothing else is, whatever else it shows."""

import base64
import gzip
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from service.feed import authenticity
from service.store import sources
from service.store.schema import pending_fetch, raw_message
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.feed.conftest import Start
from tests.feed.sending import BEARER, FEED, SECRET, check_refused, held, kept, observation, values
from tests.feed.signing import (
    NEXT,
    NEXT_WEBHOOK,
    SIGNING,
    WEBHOOK,
    Headers,
    Sign,
    mac,
    medplum,
    standard_webhooks,
    timestamped,
)

BODY = json.dumps(observation()).encode()
FORMS: dict[str, tuple[Sign, str, str]] = {
    "body": (medplum, SIGNING, NEXT),
    "timestamp": (timestamped, SIGNING, NEXT),
    "standard-webhooks": (standard_webhooks, WEBHOOK, NEXT_WEBHOOK),
}
"""How each is signed, with which secret, and with which next."""


@pytest.fixture(autouse=True)
def _seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that changed is seen by the next request, and a wrong one costs no wait."""
    monkeypatch.setattr(authenticity, "REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(authenticity, "LOOK_AGAIN_SECONDS", 0.0)


class Signed:
    """The service with a source that signs, and the file of its secret."""

    def __init__(self, start: Start, engine: Engine, file: Path) -> None:
        self.start, self.engine, self.file = start, engine, file
        self.client = start()

    def set(self, form: str, secrets: str, **more: Any) -> None:
        self.file.write_text(f"{secrets}\n")
        chosen = SourceSettings(signed=form, signing_secret_file=str(self.file), **more)  # type: ignore[arg-type]
        with writing(self.engine) as connection:
            sources.change(connection, "hospital", chosen)

    def post(self, body: bytes, headers: Headers | list[tuple[str, str]], **more: Any) -> int:
        return self.client.post(FEED, content=body, headers=headers, **more).status_code

    def nothing_is_kept(self) -> bool:
        with reading(self.engine) as connection:
            raw = connection.execute(select(func.count()).select_from(raw_message)).scalar_one()
        return kept(self.engine) == {} and held(self.engine) == [] and raw == 0 and pending(self.engine) == []


@pytest.fixture
def signed(start: Start, hospital: Engine, tmp_path: Path) -> Signed:
    return Signed(start, hospital, tmp_path / "secret")


def pending(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(select(pending_fetch.c.key).order_by(pending_fetch.c.key)).scalars())


# ------------------------------------------------------------------------------------------ what is taken


@pytest.mark.parametrize(
    ("header", "written"),
    [
        ("X-Signature", "{hex}"),
        ("X-Signature", "{HEX}"),
        ("X-Signature", "sha256={hex}"),
        ("X-Hub-Signature-256", "sha256={hex}"),
        ("X-Signature", "{base64}"),
        ("X-Authorization-Content", "sha256={base64}"),
    ],
)
def test_the_body_may_be_signed_in_hexadecimal_or_base64_in_any_header(
    signed: Signed, header: str, written: str
) -> None:
    signed.set("body", SIGNING, signature_header=None if header == "X-Signature" else header)
    made = mac(SIGNING, BODY)
    text = written.format(hex=made.hex(), HEX=made.hex().upper(), base64=base64.b64encode(made).decode())
    assert signed.post(BODY, {header: text}) == 200
    assert values(signed.engine) == {"o1": "50"}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_signed_needs_no_feed_secret(signed: Signed, form: str) -> None:
    sign, secret, _ = FORMS[form]
    signed.set(form, secret)
    assert signed.post(BODY, sign(BODY)) == 200
    assert values(signed.engine) == {"o1": "50"}


@pytest.mark.parametrize("form", FORMS)
def test_the_secret_may_stand_in_an_environment_variable(
    signed: Signed, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign, secret, _ = FORMS[form]
    monkeypatch.setenv("EHR_SIGNS_WITH", secret)
    chosen = SourceSettings(signed=form, signing_secret_env="EHR_SIGNS_WITH")  # type: ignore[arg-type]
    with writing(signed.engine) as connection:
        sources.change(connection, "hospital", chosen)
    assert signed.post(BODY, sign(BODY)) == 200


def test_a_byte_order_mark_is_signed_as_it_is_sent(signed: Signed) -> None:
    signed.set("body", SIGNING)
    body = b"\xef\xbb\xbf" + BODY
    assert signed.post(body, medplum(BODY)) == 401
    assert signed.post(body, medplum(body)) == 200


def test_a_large_bundle_is_taken_where_it_is_signed_and_refused_where_it_is_not(signed: Signed) -> None:
    signed.set("body", SIGNING)
    resources = [{"resource": observation(f"o{n}", patient=f"p{n % 9}")} for n in range(200)]
    body = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": resources}).encode()
    assert len(body) > 64 * 1024
    assert signed.post(body, medplum(body + b" ")) == 401
    assert signed.nothing_is_kept()
    assert signed.post(body, medplum(body)) == 200
    assert len(kept(signed.engine)) == 200


def test_a_notification_that_points_is_taken_where_it_is_signed(signed: Signed) -> None:
    signed.set("body", SIGNING)
    place = f"{FEED}/Observation/o9"
    assert signed.client.put(place, content=b"").status_code == 401
    assert signed.client.put(place, content=b"", headers=medplum(b"")).status_code == 200
    assert pending(signed.engine) == ["Observation/o9"]


# --------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("form", FORMS)
def test_every_byte_of_a_signed_body_flipped_in_turn_is_refused_and_nothing_is_stored(
    signed: Signed, form: str
) -> None:
    sign, secret, _ = FORMS[form]
    signed.set(form, secret)
    headers = sign(BODY)
    chance = random.Random(1)
    for place in range(len(BODY)):
        mutated = bytearray(BODY)
        mutated[place] ^= 1 << chance.randrange(8)
        assert signed.post(bytes(mutated), headers) == 401, place
    assert signed.nothing_is_kept()
    assert signed.post(BODY, headers) == 200


@pytest.mark.parametrize("form", FORMS)
def test_a_body_cut_short_or_added_to_is_refused(signed: Signed, form: str) -> None:
    sign, secret, _ = FORMS[form]
    signed.set(form, secret)
    headers = sign(BODY)
    for length in (0, 1, len(BODY) // 2, len(BODY) - 1):
        assert signed.post(BODY[:length], headers) == 401
    for more in (b" ", b"\n", b"\x00", BODY):
        assert signed.post(BODY + more, headers) == 401
    assert signed.nothing_is_kept()


@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_signed_is_refused_whatever_secret_it_carries(signed: Signed, form: str) -> None:
    signed.set(form, FORMS[form][1])
    for headers in ({}, BEARER, {"X-Liverwatch-Secret": SECRET}):
        answer = signed.client.post(FEED, content=BODY, headers=headers)
        assert SECRET not in check_refused(answer, 401)
        for method in ("PUT", "DELETE"):
            place = f"{FEED}/Observation/o1"
            assert signed.client.request(method, place, headers=headers).status_code == 401
    assert signed.nothing_is_kept()


@pytest.mark.parametrize("form", FORMS)
def test_another_secret_signs_nothing(signed: Signed, form: str) -> None:
    sign, secret, other = FORMS[form]
    signed.set(form, secret)
    assert signed.post(BODY, sign(BODY, other)) == 401
    assert signed.post(BODY, {**sign(BODY, other), **BEARER}) == 401
    assert signed.nothing_is_kept()


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_signs_for_no_other_source(signed: Signed, form: str) -> None:
    sign, secret, other = FORMS[form]
    signed.set(form, secret)
    file = signed.file.with_name("other")
    file.write_text(other)
    chosen = SourceSettings(signed=form, signing_secret_file=str(file))  # type: ignore[arg-type]
    with writing(signed.engine) as connection:
        sources.add(connection, "clinic", chosen, SECRET, datetime.now(UTC))
    post = signed.client.post
    assert post("/feeds/clinic", content=BODY, headers=sign(BODY)).status_code == 401
    assert post("/feeds/clinic", content=BODY, headers=sign(BODY, other)).status_code == 200


@pytest.mark.parametrize(
    ("form", "header", "value"),
    [
        ("body", "X-Signature", ""),
        ("body", "X-Signature", "sha256="),
        ("body", "X-Signature", "{hex:.63}"),
        ("body", "X-Signature", "sha1={hex}"),
        ("body", "X-Signature", "sha256=sha256={hex}"),
        ("body", "X-Signature", "{hex}00"),
        ("body", "X-Signature", "0{hex}"),
        ("body", "X-Signature", "{hex},{hex}"),
        ("body", "X-Signature", "Bearer {hex}"),
        ("body", "X-Signature", "\xfc{hex}"),
        ("body", "X-Hub-Signature-256", "sha256={hex}"),
        ("timestamp", "X-Signature", "{hex}"),
        ("timestamp", "X-Signature", "v1={hex}"),
        ("timestamp", "X-Signature", "t=,v1={hex}"),
        ("timestamp", "X-Signature", "t=1,t=2,v1={hex}"),
        ("timestamp", "X-Signature", "t=-1,v1={hex}"),
        (
            "timestamp",
            "X-Signature",
            "t=\u0661\u0667\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660,v1={hex}",
        ),
        ("timestamp", "X-Signature", "t=99999999999999999999999999,v1={hex}"),
    ],
)
def test_a_header_that_holds_no_signature_is_refused(
    signed: Signed, form: str, header: str, value: str
) -> None:
    signed.set(form, SIGNING)
    text = value.format(hex=mac(SIGNING, BODY).hex())
    sent = [(header.encode(), text.encode())]
    answer = signed.client.post(FEED, content=BODY, headers=sent)
    assert mac(SIGNING, BODY).hex() not in check_refused(answer, 401)
    assert signed.nothing_is_kept()


@pytest.mark.parametrize("form", FORMS)
def test_a_header_that_comes_twice_is_refused(signed: Signed, form: str) -> None:
    sign, secret, _ = FORMS[form]
    signed.set(form, secret)
    for name in sign(BODY):
        headers = list(sign(BODY).items())
        assert signed.post(BODY, [*headers, (name, dict(headers)[name])]) == 401
        assert signed.post(BODY, [(name, "x"), *headers]) == 401
    assert signed.nothing_is_kept()


@pytest.mark.parametrize("form", ["timestamp", "standard-webhooks"])
def test_what_was_signed_long_ago_or_will_be_is_refused(signed: Signed, form: str) -> None:
    sign, secret, _ = FORMS[form]
    signed.set(form, secret)
    for seconds in (-305, -3600, -(10**8), 305, 3600, 10**8):
        assert signed.post(BODY, sign(BODY, at=seconds)) == 401, seconds
    assert signed.nothing_is_kept()
    for seconds in (-290, 290):
        assert signed.post(BODY, sign(BODY, at=seconds)) == 200, seconds


@pytest.mark.parametrize("form", ["timestamp", "standard-webhooks"])
def test_a_time_or_id_that_was_not_signed_is_refused(signed: Signed, form: str) -> None:
    sign, secret, _ = FORMS[form]
    signed.set(form, secret)
    stale, fresh = sign(BODY, at=-600), sign(BODY)
    if form == "timestamp":
        mixed = fresh["X-Signature"].partition(",")[0] + "," + stale["X-Signature"].partition(",")[2]
        forged: list[Headers] = [{"X-Signature": mixed}]
    else:
        forged = [
            {**stale, "webhook-timestamp": fresh["webhook-timestamp"]},
            {**fresh, "webhook-id": "msg_2"},
            {**fresh, "webhook-id": f"msg_1.{fresh['webhook-timestamp']}", "webhook-timestamp": "0"},
            {**fresh, "webhook-signature": fresh["webhook-signature"].replace("v1,", "v1a,")},
        ]
    for headers in forged:
        assert signed.post(BODY, headers) == 401
    assert signed.nothing_is_kept()


def test_a_compressed_body_is_not_taken_even_where_it_is_signed(signed: Signed) -> None:
    signed.set("body", SIGNING)
    body = gzip.compress(BODY)
    for over in (body, BODY):
        assert signed.post(body, {**medplum(over), "Content-Encoding": "gzip"}) == 415
    assert signed.nothing_is_kept()


# ------------------------------------------------------------------------------------------- the secret


@pytest.mark.parametrize("form", FORMS)
def test_while_the_secret_is_changed_both_sign(signed: Signed, form: str) -> None:
    sign, secret, following = FORMS[form]
    signed.set(form, secret)
    assert signed.post(BODY, sign(BODY, following)) == 401
    signed.file.write_text(f"{following}\n{secret}\n")
    assert (signed.post(BODY, sign(BODY, following)), signed.post(BODY, sign(BODY, secret))) == (200, 200)
    signed.file.write_text(f"{following}\n")
    assert (signed.post(BODY, sign(BODY, following)), signed.post(BODY, sign(BODY, secret))) == (200, 401)


def test_a_sender_that_signs_with_both_secrets_is_taken_by_either(signed: Signed) -> None:
    for secret, other in ((SIGNING, NEXT), (NEXT, SIGNING)):
        signed.set("timestamp", secret)
        assert signed.post(BODY, timestamped(BODY, secret, other)) == 200
    for secret, other in ((WEBHOOK, NEXT_WEBHOOK), (NEXT_WEBHOOK, WEBHOOK)):
        signed.set("standard-webhooks", secret)
        assert signed.post(BODY, standard_webhooks(BODY, other, secret)) == 200


def test_a_new_secret_is_taken_at_once(signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    signed.set("body", SIGNING)
    assert signed.post(BODY, medplum(BODY)) == 200
    monkeypatch.setattr(authenticity, "REFRESH_SECONDS", 3600.0)
    signed.file.write_text(f"{NEXT}\n{SIGNING}\n")
    assert signed.post(BODY, medplum(BODY, NEXT)) == 200


@pytest.mark.parametrize(
    "broken", [None, "", "\n\n", "short", f"{SIGNING}\n{NEXT}\nand-a-third-one-of-them", "\xff"]
)
def test_while_the_secret_cannot_be_read_nothing_is_taken_and_the_sender_tries_again(
    signed: Signed, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    signed.set("body", SIGNING)
    assert signed.post(BODY, medplum(BODY)) == 200
    if broken is None:
        signed.file.unlink()
    else:
        signed.file.write_bytes(broken.encode("latin-1"))
    for _ in range(3):
        answer = signed.client.post(FEED, content=BODY, headers={**medplum(BODY), **BEARER})
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    said = [each.getMessage() for each in caplog.records if "source hospital" in each.getMessage()]
    assert len(said) == 1
    assert SIGNING not in said[0]
    signed.file.write_text(SIGNING)
    assert signed.post(BODY, medplum(BODY)) == 200


@pytest.mark.parametrize("secret", ["whsec_no base64 at all!", "whsec_c2hvcnQ=whsec_", "whsec_AAAAAAAAAAAA"])
def test_a_webhook_secret_that_is_none_signs_nothing(signed: Signed, secret: str) -> None:
    signed.set("standard-webhooks", secret)
    assert signed.post(BODY, standard_webhooks(BODY)) == 503


# ------------------------------------------------------------------------------------------- deletions


@pytest.fixture
def with_result(signed: Signed) -> Signed:
    signed.set("body", SIGNING)
    assert signed.post(BODY, medplum(BODY)) == 200
    return signed


def deletions(signed: Signed, **headers: str) -> list[int]:
    """A deletion as Medplum tells it, and as HAPI does."""
    told = {**medplum(b"{}"), "X-Medplum-Deleted-Resource": "Observation/o1", **headers}
    medplums = signed.post(b"{}", told)
    place = f"{FEED}/Observation/o1"
    return [medplums, signed.client.delete(place, headers={**medplum(b""), **headers}).status_code]


def test_a_deletion_that_no_signature_covers_is_refused_where_nothing_else_stands_for_it(
    with_result: Signed,
) -> None:
    assert deletions(with_result) == [401, 401]
    assert deletions(with_result, Authorization="Bearer wrong") == [401, 401]
    assert kept(with_result.engine) == {"Observation/o1": ("1", "live")}


def test_with_the_feed_secret_beside_the_signature_a_deletion_is_taken(with_result: Signed) -> None:
    assert deletions(with_result, **BEARER) == [200, 200]
    assert kept(with_result.engine)["Observation/o1"][1] == "deleted"


def test_without_it_the_server_is_asked_whether_the_resource_is_gone(with_result: Signed) -> None:
    with_result.set("body", SIGNING, fhir_base_url="http://127.0.0.1:9/fhir")
    assert deletions(with_result) == [200, 200]
    assert kept(with_result.engine) == {"Observation/o1": ("1", "live")}
    assert pending(with_result.engine) == ["Observation/o1"]


def test_a_deletion_of_what_is_not_read_is_taken_and_nothing_is_asked(with_result: Signed) -> None:
    with_result.set("body", SIGNING, fhir_base_url="http://127.0.0.1:9/fhir")
    told = {**medplum(b"{}"), "X-Medplum-Deleted-Resource": "Encounter/e1"}
    assert with_result.post(b"{}", told) == 200
    assert pending(with_result.engine) == []
