"""Builds your model as the grader did. Needs PyTorch; run it in the folder it lies in."""

import json
import runpy
import sys
import types
from pathlib import Path
from typing import Any

import torch

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


def main() -> None:
    """Build, count, run in eval mode and in train mode."""
    about = json.loads((HERE / "replay.json").read_text(encoding="utf-8"))
    network = question("architecture")
    model = load(HERE / network["source"])[network["entry"]]()
    print(f"parameters: {sum(parameter.numel() for parameter in model.parameters()):,}")
    for batch, mode in ((1, "eval"), (2, "eval"), (2, "train")):
        model.train(mode == "train")
        images = torch.randn(batch, *about["assignment"]["input_shape"])
        output = model(images)
        kind = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        print(f"{batch} images in {mode} mode: {kind}, expected ({batch}, {about['assignment']['classes']})")


if __name__ == "__main__":
    main()
