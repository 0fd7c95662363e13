"""Where a request comes from, as far as limits of tries go."""

from __future__ import annotations

import ipaddress

from fastapi import Request


def address(request: Request) -> str:
    """Where a request comes from. Whoever has one IPv6 address has a whole /64 of them."""
    host = request.client.host if request.client else ""
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return host
