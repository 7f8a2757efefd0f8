"""What an address on the web says about where it leads."""

from typing import Final
from urllib.parse import urlsplit

PORTS: Final = {"http": 80, "https": 443}
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def origin_of(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port, with the port that the scheme means where none is given; no port: no address."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return "", None, None


def is_guarded(url: str) -> bool:
    """Whether what is sent there cannot be read on the way: https, or this machine itself."""
    scheme, host, port = origin_of(url)
    return port is not None and bool(host) and (scheme == "https" or (scheme == "http" and host in _LOOPBACK))
