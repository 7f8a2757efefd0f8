"""Requests that carry nothing and only say, by address or header, what changed or was deleted."""

import re
from typing import Final

from starlette.requests import Request

from service.errors import InvalidResource, Unauthenticated
from service.feed.authenticity import vouches
from service.feed.signatures import Claim
from service.fhir.decode import READ_TYPES, tombstone
from service.fhir.incoming import Ignored, Incoming
from service.fhir.notifications import Notification
from service.fhir.references import is_id
from service.store.fetches import WHATEVER
from service.store.sources import Source

DELETED_HEADER: Final = "x-medplum-deleted-resource"
"""Medplum tells of a deletion so, with a body that says nothing."""
_TYPE: Final = re.compile(r"[A-Z][A-Za-z]{1,63}")


def pointed_at(request: Request, body: bytes) -> Notification | None:
    """What a request says that carries nothing: something changed, or was deleted. None for any other.

    Raises:
        InvalidResource: the header or the address names no resource.
    """
    deleted = request.headers.get(DELETED_HEADER)
    if deleted is not None and body.strip() in (b"", b"{}"):
        type_, _, id_ = deleted.strip().partition("/")
        return Notification((gone(type_, id_),))
    if body.strip():
        return None
    if "type" not in request.path_params:
        return Notification(whatever=True)
    type_, id_ = request.path_params["type"], request.path_params["id"]
    _check_name(type_, id_)
    return Notification(to_fetch=(f"{type_}/{id_}",) if type_ in READ_TYPES else ())


def gone(type_: str, id_: str) -> Incoming:
    """The tombstone of what was deleted; of a type that is not read it is counted away."""
    _check_name(type_, id_)
    deleted = tombstone(type_, id_)
    return deleted if type_ in READ_TYPES else deleted._replace(content=Ignored("other-type"))


def _check_name(type_: str, id_: str) -> None:
    if not (_TYPE.fullmatch(type_) and is_id(id_)):
        raise InvalidResource("the address names no FHIR resource: a type and an id are expected")


def named(told: Notification | None) -> tuple[str, ...]:
    """What such a request says outside its body, a text each; of any other request nothing."""
    if told is None:
        return ()
    deleted = (f"{each.type}/{each.id} is deleted" for each in told.incoming)
    return (*deleted, *told.to_fetch, *((WHATEVER,) if told.whatever else ()))


def believed(request: Request, source: Source, claim: Claim | None, told: Notification) -> Notification:
    """What may be taken of a request whose signature covers neither its address nor its headers.

    A pointer may: the source's own server is asked. Whoever has seen one signed `{}` could sign any deletion,
    so a deletion is taken at its word only where a certificate or the feed secret stands for all of the
    request; else it is a pointer as well, and counts once the server says that the resource is gone.

    Raises:
        Unauthenticated: it is a deletion that nothing stands for, and the server cannot be asked.
    """
    if claim is None or not told.incoming or vouches(request, source):
        return told
    if not source.settings.asks:
        raise Unauthenticated(
            "no signature covers a deletion: send the feed secret with it, or let the server be asked "
            "(`liverwatch source set --fhir-base-url`)"
        )
    doubtful = [f"{each.type}/{each.id}" for each in told.incoming if each.type in READ_TYPES]
    return Notification(to_fetch=tuple(doubtful))
