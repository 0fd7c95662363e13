"""Generated requests of every role: no server error, and no answer that the OpenAPI document does not promise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import slices
from tests.integration.conformance import ROLES, Conformance
from tests.integration.conftest import MakeSettings
from tests.integration.service import ServiceInProcess

EXAMPLES = 2
"""Of each operation, role and kind of request; `python -m tests.integration.conformance` makes more."""


@pytest.fixture(scope="module")
def conformance(make_settings: MakeSettings) -> Iterator[Conformance]:
    """A service on PostgreSQL, which takes less than SQLite does, without a worker."""
    service = ServiceInProcess(make_settings("postgresql"))
    yield Conformance(service)
    service.close()


@pytest.mark.postgresql
@pytest.mark.parametrize("role", slices.every(2, ROLES))
def test_no_request_meets_what_is_not_documented(conformance: Conformance, role: str) -> None:
    operations = list(conformance.operations())
    assert len(operations) > 30
    for method, path in operations:
        conformance.check(role, method, path, EXAMPLES, derandomize=True)
