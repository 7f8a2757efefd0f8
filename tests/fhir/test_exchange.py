"""What an answer says of what was created."""

import pytest

from service.fhir.exchange import Answer

HERE = "https://ehr.test/fhir/Subscription/s1"


@pytest.mark.parametrize(
    ("body", "location", "id_"),
    [
        (b'{"resourceType":"Subscription","id":"s2"}', HERE, "s2"),
        (b"", HERE, "s1"),
        (b"", f"{HERE}/_history/4", "s1"),
        (b"", "Subscription/s1", "s1"),
        (b'{"resourceType":"OperationOutcome","id":"o"}', f"{HERE}/", "s1"),
        (b"", "https://ehr.test/fhir/Patient/s1", None),
        (b"", "https://ehr.test/fhir/Subscription", None),
        (b"", None, None),
        (b'{"resourceType":"Subscription","id":7}', None, None),
    ],
)
def test_the_id_of_what_was_created_is_in_it_or_in_where_it_is(
    body: bytes, location: str | None, id_: str | None
) -> None:
    assert Answer("POST Subscription", 201, body, location=location).id_of("Subscription") == id_
