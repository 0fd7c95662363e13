"""Allowed addresses of a platform: https, and hosts that were named when it was registered.

Addresses of line items come in launches. Only registered hosts are allowed, because otherwise a platform could make the
service send requests into its own network.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

_LOCAL = {"localhost", "127.0.0.1", "[::1]"}
_HOST = re.compile(r"[a-z0-9.-]+|\[[0-9a-f:]+\]")


class UnusableAddress(ValueError):
    """The address is not allowed for a platform."""


def host(url: str) -> str:
    """The host of an address, with its port where it has one. Raises `UnusableAddress`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UnusableAddress(f"{url!r} is not an address") from error
    if parts.username is not None or parts.password is not None or not parts.hostname:
        raise UnusableAddress(f"{url!r} must name a host, and no user")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if not _HOST.fullmatch(name):
        raise UnusableAddress(f"{url!r} must name a host in letters, digits, dots and hyphens")
    return name if port is None else f"{name}:{port}"


def check_host(name: str) -> str:
    """The host in lower case, if it is a host and nothing else. Raises `UnusableAddress`."""
    if host(f"https://{name}") != name.lower():
        raise UnusableAddress(f"{name!r} is not a host")
    return name.lower()


def check(url: str, *, allow_local: bool) -> str:
    """The address, if it is https or, with ``allow_local``, on this machine. Raises `UnusableAddress`."""
    name = host(url)
    scheme = urlsplit(url).scheme
    local = allow_local and scheme == "http" and is_local(name)
    if scheme != "https" and not local:
        raise UnusableAddress(f"{url!r} must begin with https://")
    if not url.isprintable() or " " in url or "\\" in url:
        raise UnusableAddress(f"{url!r} has characters that are not allowed in an address")
    return url


def is_local(host: str) -> bool:
    """Whether a host, with or without its port, is this machine by name."""
    return host in _LOCAL or host.rpartition(":")[0] in _LOCAL


def is_registered(url: str, hosts: Collection[str], *, allow_local: bool) -> bool:
    """Whether an address from a launch is usable and its host registered."""
    try:
        return host(check(url, allow_local=allow_local)) in hosts
    except UnusableAddress:
        return False


def origins(hosts: Collection[str]) -> list[str]:
    """The origins of these hosts, as a content security policy names them."""
    return sorted(f"{'http' if is_local(name) else 'https'}://{name}" for name in hosts)
