"""Which settings of a source can tell that a notification is its server's own."""

import re
from typing import TYPE_CHECKING, Final

from service.errors import ConfigurationError

if TYPE_CHECKING:
    from service.store.source_settings import SourceSettings

LONGEST_CERTIFICATE: Final = 1024
"""Characters of a certificate's subject or fingerprint."""
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


def check_feed(settings: "SourceSettings") -> None:
    """Refuse settings under which a signature or a certificate could not be told, or only seems to be needed.

    Raises:
        ConfigurationError: a signature without a secret, a secret without a signature, a header that is none,
            a certificate without a name or named twice.
    """
    named = [each for each in (settings.signing_secret_file, settings.signing_secret_env) if each is not None]
    if settings.signed == "none" and (named or settings.signature_header is not None):
        raise ConfigurationError(
            "signed: say what the server signs: body, timestamp or standard-webhooks; for none of them take "
            "signing_secret_file, signing_secret_env and signature_header away"
        )
    if settings.signed != "none" and len(named) != 1:
        raise ConfigurationError("signing_secret_file and signing_secret_env: give one of them")
    header = settings.signature_header
    if header is not None and settings.signed == "standard-webhooks":
        raise ConfigurationError("signature_header: standard-webhooks has headers of its own")
    if header is not None and not _HEADER.fullmatch(header):
        raise ConfigurationError("signature_header: give the name of a header, such as X-Hub-Signature-256")
    _check_certificates(settings.certificates)


def _check_certificates(certificates: tuple[str, ...]) -> None:
    for each in certificates:
        if not each.strip() or not each.isprintable() or len(each) > LONGEST_CERTIFICATE:
            raise ConfigurationError(
                f"certificate: at most {LONGEST_CERTIFICATE} printable characters are expected"
            )
    if len(set(certificates)) < len(certificates):
        raise ConfigurationError("certificate: the same one stands twice")
