"""The parameters of a student's function or class as data. Runs beside the student's code."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from grader.sandbox.frames import Answer
from grader.sandbox.harness.student_module import StudentModule

MAX_PARAMETERS = 60


def inspect_entry(student_module: StudentModule, meta: dict[str, Any]) -> Answer:
    """The kind and the parameters of an entry point; ``missing`` when the name is not bound."""
    entry = str(meta["entry"])
    if entry not in student_module.namespace:
        return {"missing": True}, []
    called = student_module.namespace[entry]
    if inspect.isclass(called):
        method = called.forward if issubclass(called, torch.nn.Module) else called.__call__
        answer = {"kind": "class", "init": _parameters(called.__init__)[1:], "parameters": _parameters(method)[1:]}
        answer["signature"] = f"{entry}{_signature(called)} -> {_signature(method)}"[:500]
    else:
        module = isinstance(called, torch.nn.Module)
        kind = "module" if module else "function" if inspect.isfunction(called) else "callable"
        function = called.forward if module else called
        answer = {"kind": kind, "parameters": _parameters(function)}
        answer["signature"] = f"{entry}{_signature(function)}"[:500]
    return {"missing": False, **answer}, []


def _signature(function: Any) -> inspect.Signature:
    """The signature; for a scripted function that of its schema, for one that Python cannot read ``(*args)``."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        arguments = getattr(getattr(function, "schema", None), "arguments", None)
    if arguments is None:
        return inspect.Signature([inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)])
    kind, none = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty
    parameters = [
        inspect.Parameter(p.name, kind, default=p.default_value if p.has_default_value() else none) for p in arguments
    ]
    return inspect.Signature(parameters)


def _parameters(function: Any) -> list[dict[str, Any]]:
    parameters = list(_signature(function).parameters.values())[:MAX_PARAMETERS]
    return [
        {"name": p.name[:100], "kind": p.kind.name.lower(), "default": p.default is not inspect.Parameter.empty}
        for p in parameters
    ]
