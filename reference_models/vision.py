"""torchvision, importable beside a CPU build of torch.

The wheel on PyPI is built against CUDA. Beside a CPU build its compiled operators do not load, and the import fails at
the first operator whose schema is looked up. Defining those two schemas lets the rest (models, transforms, datasets)
work; the operators themselves stay unusable, and nothing here uses them.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_library: torch.library.Library | None = None
"""A reference for the life of the process: torch removes the schemas with the library object."""


def load() -> ModuleType:
    """Import torchvision. Passes on an error of the import that has another cause."""
    global _library
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    _library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for schema in _SCHEMAS:
        _library.define(schema)  # type: ignore[no-untyped-call]
    return importlib.import_module("torchvision")
