"""The harness's description of an error."""

from __future__ import annotations

import pytest

from grader.sandbox.harness.errors import describe


@pytest.mark.parametrize(
    ("message", "memory"),
    [
        ("could not create a primitive", True),
        ("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory", True),
        ("could not create a primitive descriptor for a convolution of these shapes", False),
        ("shape mismatch", False),
    ],
)
def test_library_that_found_no_room_is_told_as_memory(message: str, memory: bool) -> None:
    assert describe(RuntimeError(message))["memory"] is memory
