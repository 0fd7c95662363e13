"""Addresses that a platform may have, and the many that it may not."""

from __future__ import annotations

import pytest

from app.lti import addresses
from app.lti.addresses import UnusableAddress


@pytest.mark.parametrize(
    "url",
    [
        "http://school.example.edu/x",
        "http://127.0.0.1/x",
        "http://localhost:80/x",
        "ftp://school.example.edu",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//school.example.edu/x",
        "https://",
        "https://user:word@school.example.edu/x",
        "https://school.example.edu:port/x",
        "https://school.example.edu;x/",
        "https://school.example.edu/a b",
        "https://school.example.edu/\\evil",
        "https://school.example.edu/\nHost: x",
        "https://[::1/x",
        "",
    ],
)
def test_these_are_refused(url: str) -> None:
    with pytest.raises(UnusableAddress):
        addresses.check(url, allow_local=False)
    assert not addresses.is_registered(url, {"school.example.edu", "127.0.0.1", "localhost:80"}, allow_local=False)


def test_local_ones_only_where_that_is_allowed() -> None:
    for url in ("http://localhost:8080/x", "http://127.0.0.1/x", "http://[::1]:80/x"):
        assert addresses.check(url, allow_local=True) == url
    for url in ("http://127.0.0.1.example.edu/x", "http://localhost.example.edu/", "http://10.0.0.1/"):
        with pytest.raises(UnusableAddress):
            addresses.check(url, allow_local=True)


def test_only_registered_hosts_are_known() -> None:
    hosts = {"school.example.edu", "school.example.edu:8443"}
    registered = {
        "https://school.example.edu/x": True,
        "https://SCHOOL.example.edu/x": True,
        "https://school.example.edu:8443/x": True,
        "https://school.example.edu:22/x": False,
        "https://school.example.edu.evil.example/x": False,
        "https://evil.example/school.example.edu": False,
        "https://169.254.169.254/latest": False,
    }
    assert {url: addresses.is_registered(url, hosts, allow_local=False) for url in registered} == registered
    assert addresses.origins({"b.example", "localhost:1"}) == ["http://localhost:1", "https://b.example"]
