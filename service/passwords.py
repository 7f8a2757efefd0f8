"""Passwords: how they are made, which are taken, and how one is compared with what is kept of it."""

import re
import secrets
import threading
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from service.errors import ConfigurationError

SHORTEST: Final = 15
"""Characters; what NIST SP 800-63B-4 asks of a password that is the only thing asked for."""
LONGEST: Final = 256
_FEWEST_DIFFERENT: Final = 5

_hasher = PasswordHasher()  # argon2id with the second choice of RFC 9106: 64 MiB, three passes
_turn = threading.Semaphore(2)
"""Each comparison takes 64 MiB and both cores' attention: a flood of guesses waits here."""
_NOBODYS: Final = _hasher.hash(secrets.token_urlsafe())


class UnsuitablePassword(ConfigurationError):
    """A password that is not taken; the message says why and never repeats it."""

    status = 422
    issue_code = "business-rule"


def made() -> str:
    """A random one (120 bits) in groups that can be read aloud: no 0, 1, l or o."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(6))


def check_suitable(password: str, *about: str) -> None:
    """Refuse what is easily guessed; nothing is asked of which characters it is made of.

    Args:
        password: as it was typed.
        about: names it must not consist of: of the account, the person, the site.

    Raises:
        UnsuitablePassword: it is too short, too long, or too simple.
    """
    if not SHORTEST <= len(_normal(password)) <= LONGEST:
        raise UnsuitablePassword(f"Use {SHORTEST} to {LONGEST} characters: some words together will do")
    if len(set(password)) < _FEWEST_DIFFERENT:
        raise UnsuitablePassword(f"Use at least {_FEWEST_DIFFERENT} different characters")
    rest = password.casefold()
    for name in sorted(("liverwatch", "password", *about), key=len, reverse=True):
        rest = rest.replace(name.casefold(), "") if len(name) > 2 else rest
    if len(re.sub(r"[\W\d_]", "", rest)) < SHORTEST // 3:
        raise UnsuitablePassword("Use more than names and numbers")


def digest(password: str) -> str:
    """What is kept of a password: its argon2id digest with a salt of its own."""
    with _turn:
        return _hasher.hash(_normal(password))


def matches(kept: str | None, password: str) -> bool:
    """Whether a password is the one of which `kept` was kept.

    Takes as long where nothing is kept, so that nobody can tell which accounts there are.
    """
    if len(password) > LONGEST:
        password = ""
    with _turn:
        try:
            _hasher.verify(kept or _NOBODYS, _normal(password))
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def _normal(password: str) -> str:
    # The same letters may be typed as different code points on another keyboard.
    return unicodedata.normalize("NFKC", password)
