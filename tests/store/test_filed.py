"""What is read back from a content-addressed table is what was filed, whoever else reads meanwhile."""

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.errors import Damaged
from service.store.filed import Filing

BODY = b'{"resourceType":"Observation"}' * 20
DIGEST = hashlib.sha256(BODY).digest()


@pytest.fixture
def filing() -> Filing:
    return Filing("shelf", level=3)


def test_what_was_filed_is_read_back(filing: Filing) -> None:
    assert filing.unpacked(DIGEST, [(filing.packed(BODY),)]) == BODY


def test_what_is_missing_is_named_by_table_and_row(filing: Filing) -> None:
    with pytest.raises(Damaged, match=f"^shelf {DIGEST.hex()} is missing$"):
        filing.unpacked(DIGEST, [])


def test_other_bytes_than_were_filed_are_named_whether_or_not_they_can_be_restored(filing: Filing) -> None:
    for stored in (filing.packed(BODY + b" "), filing.packed(BODY)[:-1], b"", b"not compressed"):
        with pytest.raises(Damaged, match=f"^shelf {DIGEST.hex()} has been changed: "):
            filing.unpacked(DIGEST, [(stored,)])


def test_many_threads_may_read_at_once(filing: Filing) -> None:
    chosen = random.Random(1)
    bodies = [bytes(chosen.choices(b"0123456789", k=size)) for size in range(1, 200_000, 10_000)]
    filed = [(hashlib.sha256(body).digest(), filing.packed(body)) for body in bodies] * 20
    with ThreadPoolExecutor(8) as threads:
        found = threads.map(lambda each: filing.unpacked(each[0], [(each[1],)]), filed)
    assert list(found) == bodies * 20
