"""What goes between a reading child and the trusted side: plain data as arrays of bytes. No pickle, no code."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from grader.intake import IntakeResult
from grader.part_outputs import Finding
from grader.sandbox.frames import Array

_INTAKE_RESULTS = TypeAdapter(list[IntakeResult])
_FINDINGS = TypeAdapter(tuple[Finding, ...])


def pack(data: Any) -> Array:
    """JSON data as an array of bytes."""
    return pack_bytes(json.dumps(data).encode())


def unpack(array: Array) -> Any:
    """The JSON data in an array of bytes."""
    return json.loads(array.tobytes())


def pack_bytes(data: bytes) -> Array:
    """Bytes as an array."""
    return np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)


def pack_code(results: list[IntakeResult]) -> Array:
    """What intake read of parts of code."""
    return pack(_INTAKE_RESULTS.dump_python(results, mode="json"))


def unpack_code(array: Array) -> list[IntakeResult]:
    """The same again. Raises ``pydantic.ValidationError`` for other data."""
    return _INTAKE_RESULTS.validate_python(unpack(array))


def pack_findings(findings: tuple[Finding, ...]) -> Array:
    """Outputs of notebooks that may be parts."""
    return pack(_FINDINGS.dump_python(findings, mode="json"))


def unpack_findings(array: Array) -> tuple[Finding, ...]:
    """The same again. Raises ``pydantic.ValidationError`` for other data."""
    return _FINDINGS.validate_python(unpack(array))
