"""The network that a request comes from: the key under which rate limits count it."""

from __future__ import annotations

import ipaddress

from fastapi import Request


def client_network(request: Request) -> str:
    """The client's IPv4 address, or the /64 of its IPv6 address: a host has all addresses of its /64."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host
