"""Reads assignments that were stored before parts were data.

At that time every assignment had the parts of hw13, and the facts of the network stood at the top of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_ENTRIES = {"architecture": "get_student_model", "kd_loss": "loss_fn_kd"}
_MOVED = {"architecture": ("input_shape", "classes", "parameter_limit"), "kd_loss": ("classes",)}
"""Keys from the top of the file that are options of a check now."""


def upgrade(definition: Mapping[str, Any], former_parts: Callable[[], Any]) -> dict[str, Any]:
    """The content of an `assignment.toml` in the present form. ``former_parts`` gives the parts of that time."""
    if "parts" in definition or "classes" not in definition:
        return dict(definition)
    moved = {name for names in _MOVED.values() for name in names}
    facts = {name: definition[name] for name in moved if name in definition}
    kept = {name: value for name, value in definition.items() if name not in moved}
    questions = [_with_options(question, facts) for question in definition.get("questions", ())]
    return {**kept, "parts": former_parts(), "questions": questions}


def _with_options(question: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    check = question.get("check")
    options = {name: facts[name] for name in _MOVED.get(str(check), ()) if name in facts}
    if check in _ENTRIES:
        options["entry"] = _ENTRIES[check]
    return {**question, "options": {**options, **question.get("options", {})}} if options else dict(question)
