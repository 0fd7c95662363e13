"""What a worker can do, and what an assignment needs of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from grader import data
from grader.assignment import Assignment
from grader.version import GRADER_VERSION


def of_this_machine(data_dir: Path, sandbox: dict[str, Any]) -> dict[str, Any]:
    """Cores, the sandbox's layers that hold, data sets with their digests, and the grader's version."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "layers": [layer["name"] for layer in sandbox.get("layers", []) if layer.get("on")],
        "data_sets": {name: data.load(name, data_dir).digest for name in data.available(data_dir)},
        "grader_version": GRADER_VERSION,
    }


def memory_mb() -> int:
    """The memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20


def imported_data(data_dir: Path) -> list[str]:
    """The data sets of this machine that did not come with Assay."""
    return [name for name in data.available(data_dir) if name != data.BUILT_IN]


def needed_data(assignment: Assignment) -> list[str]:
    """The data sets that an assignment is measured on and that not every machine has."""
    named = {data.name_for(question.options) for question in assignment.questions}
    return sorted(named - {data.BUILT_IN})
