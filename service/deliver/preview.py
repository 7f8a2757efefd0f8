"""What would be sent of one alert, for a person who asks: nothing is sent, and no server is asked."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from service.deliver.letters import read_letter
from service.deliver.sending import Terms, kept
from service.fhir import names
from service.fhir.changes import identifier_query, plan, presumed
from service.fhir.client import transaction_bundle
from service.fhir.manner import Manner
from service.store import outbox, sources
from service.store.outbox_control import Line

Resource = dict[str, Any]


def left_out(connection: Connection, line: Line) -> dict[str, str]:
    """What of an alert is not written, because the EHR does not take it: resource type → why."""
    server = sources.by_id(connection, line.source_id).settings.fhir_base_url or ""
    return kept(outbox.remote_of(connection, line.alert_id), server).left_out


def preview(connection: Connection, alert_id: UUID, terms: Terms) -> Resource:
    """The transaction Bundle that the courier would send of an alert now; without entries where nothing.

    It is what the EHR needs if nobody there has changed anything since the last write: the courier looks
    first, and sends a long one in parts. Before the first one our Device stands in it by its identifier, for
    its id there is looked up on the way; the Provenance of the revision follows in a request of its own.

    Raises:
        NotFound: there is no such alert.
    """
    letter = read_letter(connection, alert_id, software=terms.software, rulebook_digest=terms.rulebook_digest)
    server = letter.source.settings.fhir_base_url or ""
    learnt = kept(outbox.remote_of(connection, alert_id), server)
    manner = Manner(learnt.release, left_out=learnt.left_out)
    author = learnt.author or f"Device?{identifier_query(names.DEVICE, names.DEVICE_VALUE)}"
    wanted = letter.wanted(
        author, terms.public_url, terms.rulebook_version, learnt.known, manner, texts=terms.texts
    )
    return transaction_bundle(plan(wanted, presumed(wanted, learnt.known)))
