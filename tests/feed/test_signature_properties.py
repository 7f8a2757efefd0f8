"""Signatures as such: published examples, and that nothing but the signed bytes passes, whatever is tried."""

import base64
import hashlib
import hmac
import time
from types import SimpleNamespace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from starlette.datastructures import Headers as Got

from service.errors import Unauthenticated
from service.feed import signatures
from service.feed.signatures import Claim, claimed
from service.store.source_settings import SourceSettings
from tests.feed.signing import SIGNING, Headers, Sign, medplum, standard_webhooks, timestamped

FORMS: dict[str, Sign] = {"body": medplum, "timestamp": timestamped, "standard-webhooks": standard_webhooks}
KEY = SIGNING.encode()
WEBHOOK_KEY = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

forms = st.sampled_from(list(FORMS))
bodies = st.binary(max_size=300)


def settings(form: str, header: str | None = None) -> SourceSettings:
    return SourceSettings(signed=form, signature_header=header)  # type: ignore[arg-type]


def claim(form: str, headers: Headers, header: str | None = None) -> Claim:
    raw = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    return claimed(Got(raw=raw), settings(form, header))


def keys(form: str) -> tuple[bytes, ...]:
    return (WEBHOOK_KEY,) if form == "standard-webhooks" else (KEY,)


def test_the_published_example_of_standard_webhooks_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "time", SimpleNamespace(time=lambda: 1614265330.0))
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert claim("standard-webhooks", headers).holds(b'{"test": 2432232314}', [WEBHOOK_KEY])
    assert not claim("standard-webhooks", headers).holds(b'{"test": 2432232315}', [WEBHOOK_KEY])


def test_the_published_example_of_github_holds() -> None:
    signature = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    told = claim("body", {"X-Hub-Signature-256": f"sha256={signature}"}, "X-Hub-Signature-256")
    assert told.holds(b"Hello, World!", [b"It's a Secret to Everybody"])
    assert not told.holds(b"Hello, World?", [b"It's a Secret to Everybody"])


@given(forms, bodies)
def test_what_was_signed_holds(form: str, body: bytes) -> None:
    assert claim(form, FORMS[form](body)).holds(body, keys(form))


@given(forms, bodies, bodies)
def test_another_body_does_not(form: str, body: bytes, other: bytes) -> None:
    assume(body != other)
    assert not claim(form, FORMS[form](body)).holds(other, keys(form))


@given(forms, bodies, st.binary(max_size=64))
def test_another_key_does_not(form: str, body: bytes, other: bytes) -> None:
    assume(
        other.rstrip(b"\0") not in [each.rstrip(b"\0") for each in keys(form)]
    )  # HMAC pads keys with zeros
    assert not claim(form, FORMS[form](body)).holds(body, [other])
    assert not claim(form, FORMS[form](body)).holds(body, [])


@given(forms, bodies, st.data())
def test_a_header_changed_anywhere_says_the_same_or_is_refused(
    form: str, body: bytes, data: st.DataObject
) -> None:
    honest = FORMS[form](body)
    name = data.draw(st.sampled_from(list(honest)))
    value = honest[name]
    place = data.draw(st.integers(0, len(value) - 1))
    changed = value[:place] + data.draw(st.characters(max_codepoint=255)) + value[place + 1 :]
    before = claim(form, honest)
    try:
        after = claim(form, {**honest, name: changed})
    except Unauthenticated:
        return
    same = (after.before, set(after.signatures)) == (before.before, set(before.signatures))
    assert after.holds(body, keys(form)) == same


@given(
    forms, st.dictionaries(st.sampled_from(["X-Signature", *standard_webhooks(b"")]), st.text(max_size=90))
)
def test_whatever_the_headers_hold_they_are_read_or_refused(form: str, headers: Headers) -> None:
    refusal = ""
    try:
        assert not claim(form, headers).holds(b"{}", keys(form))
    except Unauthenticated as refused:
        refusal = refused.message
    assert not [value for value in headers.values() if len(value) > 8 and value in refusal]


@given(forms, bodies, bodies, st.lists(st.text(max_size=9), max_size=2))
def test_messages_are_one_where_all_they_say_is_one(
    form: str, body: bytes, other: bytes, beside: list[str]
) -> None:
    told = claim(form, FORMS[form](body))
    first = told.message(1, body, beside)
    if form == "body":
        assert first is None
        return
    assert first is not None
    assert first == told.message(1, body, beside)
    assert (first == told.message(1, other, beside)) == (body == other)
    assert first != told.message(2, body, beside)
    assert first != told.message(1, body, [*beside, "more"])


@given(st.sampled_from(["timestamp", "standard-webhooks"]), st.integers(-299, 299))
def test_a_message_is_remembered_for_longer_than_it_would_be_taken(form: str, seconds: int) -> None:
    told = claim(form, FORMS[form](b"{}", at=seconds))
    message = told.message(1, b"{}", ())
    assert message is not None
    assert told.seconds is not None
    last_moment = told.seconds + signatures.WINDOW_SECONDS
    assert message.expires.timestamp() > max(last_moment, time.time())


def test_every_signature_is_compared_in_full_and_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    seen = SimpleNamespace(new=hmac.new, compare_digest=compare)
    monkeypatch.setattr(signatures, "hmac", seen)
    wrong = hashlib.sha256(b"anything").hexdigest()
    assert not claim("body", {"X-Signature": wrong}).holds(b"{}", [KEY, b"another"])
    assert [(len(one), len(other)) for one, other in compared] == [(32, 32), (32, 32)]
