"""How EHRs sign what they send, written for itself: from their documentation, not from the service's code."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable

Headers = dict[str, str]
Sign = Callable[..., Headers]

SIGNING = "a-signing-secret-of-32-characters"
NEXT = "the-signing-secret-that-comes-next"
WEBHOOK = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""As Standard Webhooks writes secrets; those of its published example."""
NEXT_WEBHOOK = "whsec_" + base64.b64encode(b"twenty-four bytes at least").decode()


def mac(secret: bytes | str, content: bytes) -> bytes:
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.new(key, content, hashlib.sha256).digest()


def medplum(body: bytes, secret: str = SIGNING) -> Headers:
    """Medplum: the body, in hexadecimal."""
    return {"X-Signature": mac(secret, body).hex()}


def timestamped(body: bytes, *secrets: str, at: float = 0) -> Headers:
    """Seconds from now, then a signature for each secret, in the form that Stripe made common."""
    sent = str(int(time.time() + at))
    signatures = [mac(each, f"{sent}.".encode() + body).hex() for each in secrets or (SIGNING,)]
    return {"X-Signature": ",".join([f"t={sent}", *(f"v1={each}" for each in signatures)])}


def standard_webhooks(body: bytes, *secrets: str, at: float = 0, id_: str = "msg_1") -> Headers:
    """Standard Webhooks 1.0, so many seconds from now."""
    sent = str(int(time.time() + at))
    keys = [base64.b64decode(each.removeprefix("whsec_")) for each in secrets or (WEBHOOK,)]
    content = f"{id_}.{sent}.".encode() + body
    values = [f"v1,{base64.b64encode(mac(each, content)).decode()}" for each in keys]
    return {"webhook-id": id_, "webhook-timestamp": sent, "webhook-signature": " ".join(values)}
