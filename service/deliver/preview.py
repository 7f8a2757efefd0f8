"""What would be sent of one alert, for a person who asks: nothing is sent, and no server is asked."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from service.deliver.letters import read_letter
from service.deliver.sending import Terms, kept
from service.fhir import names
from service.fhir.changes import identifier_query, plan, presumed
from service.fhir.client import transaction_bundle
from service.store import outbox

Resource = dict[str, Any]


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
    author = learnt.author or f"Device?{identifier_query(names.DEVICE, names.DEVICE_VALUE)}"
    wanted = letter.wanted(author, terms.public_url, terms.rulebook_version, learnt.known, texts=terms.texts)
    return transaction_bundle(plan(wanted, presumed(wanted, learnt.known)))
