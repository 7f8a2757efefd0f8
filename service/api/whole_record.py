"""Everything there is about one person as one FHIR Bundle: for whoever asks for their record, or moves it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from service.api import audit_events
from service.api.alert_search import Scope, of_people
from service.api.presenting import Presenter, surroundings_of
from service.api.targets import KINDS
from service.fhir.encode import instant
from service.fhir.encode_audit import encode_audit_event
from service.fhir.outgoing import validate_outgoing
from service.store import audit_log, resources, sources
from service.store.audit_log import Wanted
from service.store.patients import PatientRow
from service.store.resources import Version

Json = dict[str, Any]

_BOM: Final = b"\xef\xbb\xbf"
_PAGE: Final = 1000


def whole_record(
    connection: Connection, presenter: Presenter, records: Sequence[PatientRow], now: datetime
) -> Json:
    """A Bundle (collection) of all about one person.

    In it are the resources as they were received, byte for byte, those that have since been superseded too
    (they have no fullUrl); every alert, what was proposed for it and its Provenance; and who did what with
    the record.

    Args:
        connection: one snapshot of the database.
        presenter: makes the resources of alerts.
        records: every record of the person.
        now: what the Bundle is dated with (aware).

    Raises:
        InvalidOutgoing: something of our own making is not valid FHIR.
    """
    numbers = [each.id for each in records]
    scope: Scope = {each.source_id: sources.by_id(connection, each.source_id) for each in records}
    bundle: Json = {"resourceType": "Bundle", "type": "collection", "timestamp": instant(now)}
    validate_outgoing(bundle)
    entries = [
        *_received(connection, presenter, scope, records),
        *_alerts(connection, presenter, scope, numbers),
        *_audited(connection, presenter, scope, numbers),
    ]
    return {**bundle, "entry": entries} if entries else bundle


def _received(
    connection: Connection, presenter: Presenter, scope: Scope, records: Sequence[PatientRow]
) -> Iterator[Json]:
    for record in records:
        server = (scope[record.source_id].settings.fhir_base_url or presenter.base).rstrip("/")
        for version in resources.of_patients(connection, [record.id]):
            if version.digest is not None:
                yield {"fullUrl": f"{server}/{version.key}", "resource": _body(connection, version)}
        for _, version in resources.older_of_patients(connection, [record.id]):
            if version.digest is not None:
                yield {"resource": _body(connection, version)}


def _body(connection: Connection, version: Version) -> msgspec.Raw:
    assert version.digest is not None
    return msgspec.Raw(resources.raw(connection, version.digest).removeprefix(_BOM))


def _alerts(
    connection: Connection, presenter: Presenter, scope: Scope, numbers: Sequence[int]
) -> Iterator[Json]:
    found = of_people(connection, scope, numbers)
    around = surroundings_of(connection, found)
    for stored in found:
        for kind in KINDS:
            steps = list(presenter.statuses(stored, kind))
            for shown in presenter.show(stored, kind, steps, around):
                yield _served(presenter, shown.resource)


def _audited(
    connection: Connection, presenter: Presenter, scope: Scope, numbers: Sequence[int]
) -> Iterator[Json]:
    wanted, after = Wanted(scope.keys(), patients=numbers), None
    while found := audit_log.page(connection, wanted, _PAGE, after):
        for entry in found:
            event = encode_audit_event(audit_events.event_of(entry, scope), presenter.public_url)
            validate_outgoing(event)
            yield _served(presenter, event)
        after = found[-1].id


def _served(presenter: Presenter, resource: Json) -> Json:
    return {"fullUrl": f"{presenter.base}/{resource['resourceType']}/{resource['id']}", "resource": resource}
