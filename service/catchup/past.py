"""A patient's past, asked for when the patient is first seen: persistence can be judged from day one."""

from datetime import timedelta
from typing import Final

from service.catchup.asker import Asker
from service.errors import InvalidResource
from service.fhir.queries import OF_A_PATIENT, PATIENT
from service.fhir.remote import RemoteRefused
from service.store import patients
from service.store.session import writing

AGAIN: Final = timedelta(minutes=30)
"""When a patient whose past could not be read is asked for again."""
_AT_ONCE: Final = 20


def read_pasts(asker: Asker) -> int:
    """Read the past of patients seen first, at most a few; how many there were.

    What the server refuses or answers with no Bundle (a type of resource it does not search, a patient it
    does not show) is left out: the alert then says what is not known.

    Raises:
        RemoteUnavailable: the server does not answer; those patients are asked for again later.
    """
    now = asker.clock()
    with writing(asker.engine) as connection:
        found = patients.claim_without_past(connection, asker.source.id, now, now + AGAIN, _AT_ONCE)
    for number, name in found:
        _read_past(asker, name)
        with writing(asker.engine) as connection:
            patients.past_is_known(connection, number)
    return len(found)


def _read_past(asker: Asker, name: str) -> None:
    try:
        person = asker.read(PATIENT, name)
    except RemoteRefused:
        person = None
    incoming = [] if person is None else [person]
    for type_ in OF_A_PATIENT:
        try:
            for page in asker.changes(type_, patient=name):
                incoming += page.incoming
        except (RemoteRefused, InvalidResource):
            continue
    asker.take(incoming, "history")
