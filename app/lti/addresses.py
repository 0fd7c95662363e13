"""Which addresses of a platform are taken: https, and hosts that were named when it was registered.

The addresses of line items come in launches. Were they followed anywhere, whoever can sign a launch could make the
service ask its own network; so they lead to registered hosts or nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

_LOCAL = {"localhost", "127.0.0.1", "[::1]"}
_HOST = re.compile(r"[a-z0-9.-]+|\[[0-9a-f:]+\]")


class UnusableAddress(ValueError):
    """The address is none that a platform may have."""


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


def bare(name: str) -> str:
    """A host that was named without anything around it, in lower case. Raises `UnusableAddress`."""
    if host(f"https://{name}") != name.lower():
        raise UnusableAddress(f"{name!r} is not a host")
    return name.lower()


def check(url: str, *, allow_local: bool) -> str:
    """The address, if it is https or, where that is allowed, on this machine. Raises `UnusableAddress`."""
    found = host(url)
    scheme = urlsplit(url).scheme
    local = allow_local and scheme == "http" and is_local(found)
    if scheme != "https" and not local:
        raise UnusableAddress(f"{url!r} must begin with https://")
    if not url.isprintable() or " " in url or "\\" in url:
        raise UnusableAddress(f"{url!r} has characters that are not allowed in an address")
    return url


def is_local(found: str) -> bool:
    """Whether a host, with or without its port, is this machine by name."""
    return found in _LOCAL or found.rpartition(":")[0] in _LOCAL


def is_known(url: str, hosts: Collection[str], *, allow_local: bool) -> bool:
    """Whether an address from a launch may be used: its host was registered."""
    try:
        return host(check(url, allow_local=allow_local)) in hosts
    except UnusableAddress:
        return False


def origins(hosts: Collection[str]) -> list[str]:
    """The origins of these hosts, as a content security policy names them."""
    return sorted(f"{'http' if is_local(found) else 'https'}://{found}" for found in hosts)
