"""Mutual TLS that ends at a proxy: the client certificate it tells of, believed of known proxies alone."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from starlette.requests import Request

from service.errors import Unauthenticated

_REFUSED: Final = "this feed needs its client certificate, as told by a proxy that this service knows"


@dataclass(frozen=True, slots=True)
class Proxies:
    """Which proxies are known, and how they tell."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Where they connect from."""
    header: str = "X-Client-Certificate"
    """What they name the certificate in, by subject or fingerprint. They must set it on every request."""

    def check(self, request: Request, certificates: Collection[str]) -> None:
        """See whether the request came with one of these certificates.

        Raises:
            Unauthenticated: it came past the proxies, or with no certificate, another one, or several.
        """
        told = request.headers.getlist(self.header)
        if not self._is_known(request) or len(told) != 1:
            raise Unauthenticated(_REFUSED)
        given = told[0].strip().encode("latin-1")
        if not any(hmac.compare_digest(given, each.encode()) for each in certificates):
            raise Unauthenticated(_REFUSED)

    def _is_known(self, request: Request) -> bool:
        """Whether the other end of the connection is one of them; no header has a say in that."""
        try:
            address = ip_address(request.client.host if request.client is not None else "")
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in each for each in self.networks)
