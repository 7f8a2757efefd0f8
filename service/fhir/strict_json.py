"""JSON as a medical feed may send it: one meaning, or refused with the place and never with the content.

Ordinary parsers keep the last of two equal keys, accept NaN, or die of deep nesting. Here each of those is an
error before anything reads the document.
"""

import re

import msgspec

from service.errors import MalformedInput

_BOM = b"\xef\xbb\xbf"
_MAX_LOCATED = 1 << 20
"""A duplicate key is searched for by line and column up to this many bytes; beyond, only the fact is said."""

_SMALL = 1 << 16
"""Up to this many bytes, cutting a document at its quotes is cheap in memory too."""

_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A string, or the rest of the document where one is never closed: each byte is looked at once."""
_NO_BRACKETS = bytes(b for b in range(256) if b not in b"[]{}")
_TO_SQUARE = bytes.maketrans(b"{}", b"[]")
_NUL_ESCAPE = re.compile(rb"\\(?:\\|u0000)")
_COLON_ESCAPE = re.compile(rb"\\(?:\\|u003[aA])")
_BYTE_OFFSET = re.compile(r"\(byte (\d+)\)")
_TOKENS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},:]', re.DOTALL)

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
# Numbers left as text: 1e999999 is no float, and no concern of this check. Slower, for one call a number.
_decode_any_number = msgspec.json.Decoder(float_hook=str).decode


def check_json(raw: bytes, *, max_depth: int = 50) -> bytes:
    """The same document without a byte order mark, known to be one JSON value that has one meaning.

    Refused: anything not JSON or not UTF-8, NaN and Infinity, U+0000 (raw or escaped), lone surrogates, a key
    that stands twice in one object (compared after unescaping), and nesting deeper than `max_depth`.

    Raises:
        MalformedInput: with the line and column (of bytes, from 1) where known; never with any content.
    """
    if raw.startswith(_BOM):
        raw = raw[3:]
    if _openings(raw) > max_depth and _deeper_than(raw, max_depth):
        raise MalformedInput(f"JSON nested deeper than {max_depth} levels.")
    if b"\\" in raw and b"\\u0000" in raw:
        _refuse_nul(raw)
    again = _encode(_value(raw))
    # Most machines write as compactly as the encoder here: the very same bytes have lost nothing.
    if again != raw and again.count(b":") != _colons(raw):
        raise MalformedInput("A JSON object has the same key twice.", where=_duplicate(raw))
    return raw


def _value(raw: bytes) -> object:
    """The document, of which only the keys are of use: its numbers may be rounded."""
    try:
        return _decode(raw)
    except msgspec.ValidationError:
        pass  # a number that is no float
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(raw, error) from None
    try:
        return _decode_any_number(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(raw, error) from None


def _colons(raw: bytes) -> int:
    """Colons of keys and in texts. A key that stands twice loses its first value, and with it at least one.

    Nothing else loses any: encoded again, a document without such a key has as many.
    """
    escaped = _COLON_ESCAPE.findall(raw) if b"\\u003" in raw else ()
    return raw.count(b":") + sum(1 for escape in escaped if len(escape) > 2)


def _openings(raw: bytes) -> int:
    """No document nests deeper than it opens brackets. Taking them away is twice as fast as counting them."""
    return 2 * len(raw) - len(raw.replace(b"{", b"")) - len(raw.replace(b"[", b""))


def _deeper_than(raw: bytes, limit: int) -> bool:
    """Whether brackets outside strings nest deeper than `limit`; no recursion, linear for any input."""
    if len(raw) <= _SMALL:
        # Without escapes every second piece between quotes is outside of strings.
        outside = b"".join(raw.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    else:
        outside = _STRINGS.sub(b"", raw)
    brackets = outside.translate(_TO_SQUARE, _NO_BRACKETS)
    for _ in range(limit):
        inner = brackets.replace(b"[]", b"")
        if len(inner) == len(brackets):
            # Nothing pairs up (any more): empty is shallow enough; unbalanced is broken, and told by height.
            return len(brackets) > limit
        brackets = inner
    return bool(brackets)


def _refuse_nul(raw: bytes) -> None:
    for escape in _NUL_ESCAPE.finditer(raw):
        if len(escape[0]) > 2:
            raise MalformedInput("The character U+0000 is not allowed.", where=_place(raw, escape.start()))


def _malformed(raw: bytes, error: Exception) -> MalformedInput:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as broken:
        return MalformedInput("Not valid UTF-8.", where=_place(raw, broken.start))
    if isinstance(error, msgspec.ValidationError):
        return MalformedInput("A number is too long to be read.")
    offset = _BYTE_OFFSET.search(str(error))
    where = _place(raw, int(offset[1]) if offset else len(raw))
    return MalformedInput(
        "Not valid JSON (NaN, Infinity and lone surrogates are not JSON either).", where=where
    )


def _place(raw: bytes, offset: int) -> str:
    line = raw.count(b"\n", 0, offset) + 1
    column = offset - raw.rfind(b"\n", 0, offset)
    return f"line {line}, column {column}"


def _duplicate(raw: bytes) -> str | None:
    """Where the second of two equal keys stands; None for documents too large to search twice."""
    if len(raw) > _MAX_LOCATED:
        return None
    open_objects: list[set[str] | None] = []
    text: re.Match[bytes] | None = None
    for token in _TOKENS.finditer(raw):
        mark = token[0]
        if mark == b"{":
            open_objects.append(set())
        elif mark == b"[":
            open_objects.append(None)
        elif mark in b"]}":
            open_objects.pop()
        elif mark == b":" and text is not None:
            keys = open_objects[-1]
            key = msgspec.json.decode(text[0], type=str)
            if keys is None or key in keys:
                return _place(raw, text.start())
            keys.add(key)
        text = token if mark[0] == 0x22 else None
    return None
