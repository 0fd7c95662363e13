"""Calls of one function by values. Runs beside the student's code, and in a child of its own beside the author's."""

from __future__ import annotations

from typing import Any

from grader.sandbox.frames import Answer, Array
from grader.sandbox.harness import values
from grader.sandbox.harness.student_module import seed_generators


def call(namespace: dict[str, Any], meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    """Call ``entry`` with fresh values; answers its ``result``, and the ``arguments`` as they are after the call."""
    function = namespace[str(meta["entry"])]
    args = [values.decode(node, arrays, namespace) for node in meta["args"]]
    kwargs = {name: values.decode(node, arrays, namespace) for name, node in meta["kwargs"].items()}
    seed_generators(int(meta["seed"]))
    result = function(*args, **kwargs)
    encoder = values.Encoder()
    answer = {
        "result": encoder.encode(result),
        "args": [encoder.encode(value) for value in args],
        "kwargs": {name: encoder.encode(value) for name, value in kwargs.items()},
    }
    return answer, encoder.arrays
