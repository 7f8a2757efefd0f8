"""What people are called: shown beside their alerts, and searched."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, select

from service.store.query import Query, among
from service.store.rows import insert_rows
from service.store.schema import patient_name

_ESCAPE = "\\"


class Called(NamedTuple):
    """A person's name and birth date as their Patient states them."""

    name: str
    """`Family, Given`."""
    born: str
    """To the day, the month or the year; empty: not known."""


_known = Query(
    select(patient_name.c.patient_id, patient_name.c.shown, patient_name.c.searched, patient_name.c.born),
    each=patient_name.c.patient_id,
)


def state(connection: Connection, said: Mapping[int, tuple[Sequence[str], str]]) -> None:
    """Put what these Patients say, names and birth date, in place of what they said before."""
    after = {
        (number, names[0] if names else "", searched(names), born)
        for number, (names, born) in said.items()
        if names or born
    }
    before = set(_known.rows(connection, each=said))
    gone = {row[0] for row in before - after}
    if gone:
        connection.execute(delete(patient_name).where(among(patient_name.c.patient_id, gone)))
    insert_rows(connection, patient_name, ("patient_id", "shown", "searched", "born"), sorted(after - before))


def of_patients(connection: Connection, ids: Collection[int]) -> dict[int, Called]:
    """What is known of each."""
    return {number: Called(shown, born) for number, shown, _, born in _known.rows(connection, each=ids)}


def searched(names: Sequence[str]) -> str:
    """Every word of them, folded, each once and after a blank: so a word is found by its beginning."""
    return "".join(f" {word}" for word in dict.fromkeys(word for name in names for word in _words(name)))


def called(text: str) -> ColumnElement[bool]:
    """The condition that a word of a name begins with each of the words of `text`."""
    return and_(*(patient_name.c.searched.like(_begins(word), escape=_ESCAPE) for word in _words(text)))


def _words(name: str) -> list[str]:
    return name.casefold().replace(",", " ").split()


def _begins(word: str) -> ColumnElement[str]:
    for special in (_ESCAPE, "%", "_"):
        word = word.replace(special, _ESCAPE + special)
    return bindparam(None, f"% {word}%", unique=True)
