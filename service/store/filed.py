"""Bytes filed under their SHA-256, compressed: what is read back is what was filed, or an error says so."""

import hashlib
import threading
from collections.abc import Sequence
from typing import Any

import zstandard

from service.errors import Damaged


class Filing(threading.local):
    """How one table's bytes are compressed and restored.

    Each thread has its own: two that use one of zstandard's objects at once crash the process.
    """

    def __init__(self, table: str, *, level: int, dictionary: zstandard.ZstdCompressionDict | None = None):
        """For the table of that name."""
        self._table = table
        self._compressor = zstandard.ZstdCompressor(level=level, dict_data=dictionary)
        self._decompressor = zstandard.ZstdDecompressor(dict_data=dictionary)

    def packed(self, body: bytes) -> bytes:
        """What is stored of these bytes."""
        return self._compressor.compress(body)

    def unpacked(self, digest: bytes, rows: Sequence[Sequence[Any]]) -> bytes:
        """The bytes that the table has under a digest.

        Args:
            digest: SHA-256 of the bytes as they were.
            rows: what was found under it, the packed bytes alone: one row or none.

        Raises:
            Damaged: nothing was found, or something else than was filed.
        """
        where = f"{self._table} {digest.hex()}"
        if not rows:
            raise Damaged(f"{where} is missing")
        try:
            body = self._decompressor.decompress(rows[0][0])
        except zstandard.ZstdError:
            raise Damaged(f"{where} has been changed: it cannot be restored") from None
        if hashlib.sha256(body).digest() != digest:
            raise Damaged(f"{where} has been changed: its content has another SHA-256")
        return body
