"""Loads your code as the grader did. The scripts of this folder need it."""

import json
import runpy
import sys
import types
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def load(source: Path) -> dict[str, Any]:
    """The names that a submission defines after the prelude."""
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):
        # The prelude imports torchvision, which few submissions use.
        names = ("torchvision", "torchvision.models", "torchvision.transforms")
        package, models, transforms = (types.ModuleType(name) for name in names)
        package.models, package.transforms = models, transforms
        sys.modules.update(zip(names, (package, models, transforms), strict=True))
    prelude = runpy.run_path(str(HERE / "prelude.py"))
    return runpy.run_path(str(source), {name: value for name, value in prelude.items() if not name.startswith("__")})


def question(check: str) -> dict[str, Any]:
    """The question that this check examined: its ``source`` and the ``entry`` point that was called."""
    about = json.loads((HERE / "replay.json").read_text(encoding="utf-8"))
    return next(one for one in about["questions"] if one["check"] == check)
