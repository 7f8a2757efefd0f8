"""JSON with one meaning, or refused with the place."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import MalformedInput
from service.fhir.strict_json import check_json

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def place(raw: bytes) -> str | None:
    with pytest.raises(MalformedInput) as caught:
        check_json(raw)
    return caught.value.where


def test_a_byte_order_mark_is_accepted_and_taken_away() -> None:
    assert check_json(b'\xef\xbb\xbf{"a":1}') == b'{"a":1}'


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"{",
        b'{"a":1}x',
        b'{"a":1,}',
        b'{"a" 1}',
        b"<Observation/>",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":01}',
        b'{"a":"\t"}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"\xc0\x80":1}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\ud800x"}',
        b'{"a":"\\udc00"}',
        b'{"a":"\\ud800\\ud800"}',
        b'{"\\ud800":1}',
        b'{"a":"\x00"}',
        b'{"a":"\\u0000"}',
        b'{"a":"\\\\\\u0000"}',
        b'{"\\u0000":1}',
        b'{"a":1}\x00',
        '{"a":1}'.encode("utf-16"),
        b'\xef\xbb\xbf\xef\xbb\xbf{"a":1}',
    ],
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedInput):
        check_json(raw)


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (b'{"a":1,"a":1}', "line 1, column 8"),
        (b'{"a":1,\n "b":{"x":0, "x" :2}}', "line 2, column 14"),
        (b'{"a":1,"\\u0061":2}', "line 1, column 8"),
        (b'{"\\u003a":1,":":2}', "line 1, column 13"),
        (b'{"a:b":1,"a:\\u0062":2}', "line 1, column 10"),
        (b'{"a":[{"b":1},{"b":1,"c":{},"b":[]}]}', "line 1, column 29"),
        (b'{"a":{"a":1},"a":":"}', "line 1, column 14"),
        (b'{"a":":::","a":1,"z":"\\u003A\\u003a"}', "line 1, column 12"),
        (b'{"":1,"":2}', "line 1, column 7"),
    ],
)
def test_a_key_twice_in_one_object_is_refused_with_its_place(raw: bytes, where: str) -> None:
    assert place(raw) == where


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":{"a":1},"b":{"a":1}}',
        b'[{"a":1},{"a":1}]',
        b'{"a":"\\u003a","b":"\\\\u003a:","c":":\\":"}',
        b'{"a":"\\\\u0000"}',
        b'{"a":"\\\\\\\\u0000"}',
        b'{"a":1e999,"b":1.0,"c":123456789012345678}',
        b'{"a":"\\ud83d\\ude00 \xf0\x9f\x98\x80"}',
        b" \r\n\t[]\n",
        b'"a:b"',
    ],
)
def test_what_only_looks_like_a_hazard_passes_unchanged(raw: bytes) -> None:
    assert check_json(raw) == raw


@given(_values, st.booleans(), st.sampled_from([None, 2]))
def test_every_document_without_a_key_twice_passes(
    value: object, ascii_only: bool, indent: int | None
) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert check_json(raw) == raw


@given(
    st.dictionaries(
        st.text('ab:\\"{}[]é', max_size=3), st.text(':\\"{}[]é', max_size=4), min_size=1, max_size=5
    ),
    st.data(),
)
def test_any_key_repeated_anywhere_is_found_however_it_is_escaped(
    fields: dict[str, str], data: st.DataObject
) -> None:
    again = data.draw(st.sampled_from(sorted(fields)))
    escaped = "".join(f"\\u{ord(character):04x}" for character in again)
    name = data.draw(st.sampled_from([json.dumps(again), f'"{escaped}"']))
    pairs = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in fields.items()]
    pairs.insert(data.draw(st.integers(0, len(pairs))), f"{name} :0")
    document = "[1, {" + ",\n".join(pairs) + "}]"
    with pytest.raises(MalformedInput, match="same key twice"):
        check_json(document.encode())


def test_fifty_levels_pass_and_fifty_one_do_not() -> None:
    assert check_json(b"[" * 50 + b"]" * 50)
    with pytest.raises(MalformedInput, match="deeper than 50"):
        check_json(b"[" * 51 + b"]" * 51)


def test_brackets_inside_strings_are_not_depth() -> None:
    text = json.dumps({"a": '[[{\\"' * 200, "b": "]}" * 200, "c": '\\\\"[' * 60}).encode()
    assert check_json(text) == text
    deep = b'{"a":"' + b"]" * 60 + b'","b":' + b"[" * 60 + b"]" * 60 + b"}"
    with pytest.raises(MalformedInput, match="deeper"):
        check_json(deep)


def test_a_long_flat_document_is_not_deep() -> None:
    raw = json.dumps([{"a": [1, {"b": "[" * 3}]}] * 30_000).encode()
    assert check_json(raw) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 20_000_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'"' * 10_000_000,
        b'"' + b'\\"' * 5_000_000,
        b'{"a":' + b"[]" * 5_000_000,
        b"\\" * 5_000_000,
        b'{"a":"' + b"\\u0061" * 1_000_000 + b'","a":1}',
    ],
    ids=[
        "brackets",
        "10,000 deep",
        "quotes",
        "escaped quotes",
        "pairs",
        "backslashes",
        "large with a duplicate",
    ],
)
def test_hostile_bodies_are_refused_at_once(raw: bytes) -> None:
    start = time.process_time()  # a busy machine takes longer, but no more work
    with pytest.raises(MalformedInput):
        check_json(raw)
    assert time.process_time() - start < 2


def test_a_refusal_never_repeats_the_content() -> None:
    for raw in (
        b'{"secret":1,"secret":2}',
        b'{"a":"secret\xff"}',
        b'{"a": secret}',
        b'{"a":"secret\\u0000"}',
    ):
        with pytest.raises(MalformedInput) as caught:
            check_json(raw)
        assert "secret" not in f"{caught.value} {caught.value.where}"
