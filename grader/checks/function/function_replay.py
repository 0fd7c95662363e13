"""The call with which a student repeats a failure at home: drawn inputs and the right answer, never the reference."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grader.checks.function.author import Answer, Case
from grader.checks.function.binding import Binding
from grader.checks.function.evidence import FailedCase, FunctionEvidence
from grader.checks.function.options import FunctionOptions
from grader.checks.function.values import Value
from grader.evidence import Outcome

SCRIPT = Path(__file__).with_name("replay_function.py")
MAX_ELEMENTS = 4_096
"""Most numbers of a call that evidence keeps."""


def call(case: Case, expected: Answer, bound: Binding) -> dict[str, Any] | None:
    """A call as JSON data: the inputs by the reference's names, how they are passed, and the right answer.

    ``None`` for a call with more than `MAX_ELEMENTS` numbers.
    """
    after = expected.arguments or {}
    values = (*case.inputs.values(), expected.result, *after.values())
    if sum(_elements(value) for value in values) > MAX_ELEMENTS:
        return None
    kwargs = {key: name for key, name in (bound.kwargs or {}).items() if name in case.inputs}
    return {
        "kind": case.kind,
        "seed": case.seed,
        "args": [name for name in bound.args if name in case.inputs],
        "kwargs": kwargs,
        "inputs": {name: _data(value) for name, value in case.inputs.items()},
        "result": _data(expected.result),
        "arguments": {name: _data(value) for name, value in after.items()},
    }


def files(evidence: FunctionEvidence | None, options: FunctionOptions) -> dict[str, str]:
    """The files of the replay archive: a script, and the failing call of this function if one was drawn for the run."""
    failed = evidence.first_failed if evidence is not None else None
    if evidence is None or failed is None or failed.replay is None:
        return {}
    refusal = failed.refusal or {}
    data: Mapping[str, Any] = {
        **failed.replay,
        "entry": options.entry,
        "seen": _seen(failed, evidence),
        "tolerance": options.tolerance.model_dump(),
        "refusal": refusal.get("en"),
    }
    return {
        SCRIPT.name: SCRIPT.read_text(encoding="utf-8"),
        f"failing_call_{options.entry}.json": json.dumps(data, indent=1) + "\n",
    }


def _seen(failed: FailedCase, evidence: FunctionEvidence) -> str | None:
    """How the call ended in the grading, where it returned nothing."""
    if failed.error is not None:
        return f"{failed.error.type}: {failed.error.message}"
    return None if evidence.outcome is Outcome.OK else f"the call ended with {evidence.outcome}"


def _elements(value: Value) -> int:
    own = value.array.size if value.array is not None else 1
    return own + sum(_elements(item) for item in value.items)


def _data(value: Value) -> dict[str, Any]:
    if value.array is not None:
        numbers = [_number(number) for number in value.array.ravel().tolist()]
        return {"kind": "tensor", "dtype": value.dtype, "shape": list(value.array.shape), "data": numbers}
    items = [_data(item) for item in value.items]
    return {
        "kind": value.kind,
        "value": _number(value.value),
        "keys": list(value.keys),
        "items": items,
        "type": value.type,
    }


def _number(value: Any) -> Any:
    """JSON has no infinity and no NaN: they are texts."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
