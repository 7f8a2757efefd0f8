"""R4 rest-hooks without topic, as HAPI and Medplum word them: one request a change."""

import hashlib
import hmac

from service.simulated_ehr.encoding import encode
from service.simulated_ehr.outgoing import Message
from service.simulated_ehr.records import Change
from service.simulated_ehr.subscriptions import Subscriber


def hapi(subscriber: Subscriber, change: Change) -> Message:
    """`PUT {endpoint}/{Type}/{id}` with the resource, `DELETE` once deleted; an empty POST if `empty`."""
    if subscriber.content == "empty":
        return Message("POST", "", b"", {})
    path = f"/{change.kind}/{change.id}"
    if change.version.resource is None:
        return Message("DELETE", path, b"", {})
    return Message("PUT", path, encode(change.version.resource), {})


def medplum(subscriber: Subscriber, change: Change) -> Message:
    """`POST {endpoint}` with the resource, `{}` and a header once deleted; signed where there is a secret."""
    headers = {
        "X-Medplum-Subscription": subscriber.id,
        "X-Medplum-Interaction": change.interaction,
        "Content-Type": "application/fhir+json",
    }
    body = encode(change.version.resource or {})
    if change.version.resource is None:
        headers["X-Medplum-Deleted-Resource"] = f"{change.kind}/{change.id}"
    if subscriber.secret is not None:
        headers["X-Signature"] = hmac.new(subscriber.secret.encode(), body, hashlib.sha256).hexdigest()
    return Message("POST", "", body, headers)
