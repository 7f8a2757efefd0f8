"""Passwords: slow to guess, the same however they are typed, and never repeated."""

import unicodedata

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from service import passwords
from service.passwords import UnsuitablePassword


def test_what_is_kept_is_argon2id_with_the_memory_that_rfc_9106_asks_for() -> None:
    kept = passwords.digest("seven grey herons at dusk")
    parameters = extract_parameters(kept)
    assert (parameters.type, parameters.memory_cost, parameters.time_cost) == (Type.ID, 64 * 1024, 3)
    assert passwords.digest("seven grey herons at dusk") != kept


def test_the_same_letters_are_the_same_password_on_every_keyboard() -> None:
    typed = "Zürich, fünf Möwen, ½ Dutzend"
    kept = passwords.digest(typed)
    assert passwords.matches(kept, unicodedata.normalize("NFD", typed))
    assert not passwords.matches(kept, typed.lower())


def test_where_nothing_is_kept_no_password_is_right() -> None:
    for kept in (None, "", "nonsense"):
        assert not passwords.matches(kept, "")
        assert not passwords.matches(kept, "seven grey herons at dusk")


def test_a_made_password_is_suitable_and_another_each_time() -> None:
    made = {passwords.made() for _ in range(50)}
    assert len(made) == 50
    for each in made:
        passwords.check_suitable(each, "adams")


@pytest.mark.parametrize(
    "unsuitable",
    [
        "fourteen chars",
        "x" * 257,
        "aaaaaaaaaaaaaaaa",
        "123456789012345678",
        "Liverwatch-Adams-2026",
        "password password",
    ],
)
def test_what_is_easily_guessed_is_not_taken_and_not_repeated(unsuitable: str) -> None:
    with pytest.raises(UnsuitablePassword) as refused:
        passwords.check_suitable(unsuitable, "adams")
    assert unsuitable not in refused.value.message


@pytest.mark.parametrize("suitable", ["seven grey herons at dusk", "肝臓の検査を忘れないでください毎月"])
def test_words_are_enough_in_any_script(suitable: str) -> None:
    passwords.check_suitable(suitable, "adams")
