"""A server is written to as it says it can be, or as the settings say it must be."""

import pytest

from service.fhir.capabilities import Capabilities, Release, read_capabilities
from service.fhir.manner import CREATED, UPDATED, Manner, Write, manner_of
from tests.fhir.fake_server import FakeServer

ALL = (*CREATED, *UPDATED)


def offered(*types: str, transactions: bool = True, version: str = "4.0.1") -> Capabilities:
    server = FakeServer()
    server.offers(*types, transactions=transactions, version=version)
    assert server.statement is not None
    return read_capabilities(server.statement)


def test_a_server_that_says_nothing_of_itself_is_sent_transactions_of_r4() -> None:
    assert manner_of("auto", None, Capabilities(None)) == Manner("R4", in_transactions=True, may_part=True)


@pytest.mark.parametrize("transactions", [True, False])
def test_transactions_are_sent_where_they_are_offered(transactions: bool) -> None:
    manner = manner_of("auto", None, offered(*ALL, transactions=transactions))
    assert (manner.in_transactions, manner.left_out) == (transactions, {})


@pytest.mark.parametrize("missing", ALL)
def test_a_type_that_is_not_offered_is_left_out_and_said_so(missing: str) -> None:
    manner = manner_of("auto", None, offered(*(each for each in ALL if each != missing)))
    assert manner.left_out.keys() == {missing}
    assert "does not offer" in manner.left_out[missing]


def test_what_could_be_created_and_never_corrected_is_left_out() -> None:
    only_created = Capabilities("R4", interactions=dict.fromkeys(ALL, frozenset({"create"})))
    assert manner_of("auto", None, only_created).left_out.keys() == set(UPDATED)


@pytest.mark.parametrize(("write", "transactions"), [("bundle", True), ("single", False)])
def test_what_the_settings_say_is_done_whatever_the_server_says(write: Write, transactions: bool) -> None:
    manner = manner_of(write, None, offered("Patient", transactions=not transactions))
    assert (manner.in_transactions, manner.left_out, manner.may_part) == (transactions, {}, False)


@pytest.mark.parametrize(
    ("chosen", "version", "spoken"),
    [
        (None, "4.0.1", "R4"),
        (None, "4.3.0", "R4B"),
        (None, "5.0.0", "R5"),
        (None, "3.0.2", "R4"),
        ("R4", "5.0.0", "R4"),
        ("R5", "4.0.1", "R5"),
    ],
)
def test_the_release_is_the_settings_or_the_servers(
    chosen: Release | None, version: str, spoken: Release
) -> None:
    assert manner_of("auto", chosen, offered(*ALL, version=version)).release == spoken
