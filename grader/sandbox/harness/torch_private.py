"""The private names of torch and torchvision that every child needs; those of the exporter are in `exporter_private`.

Such a name may move with any release, so `pyproject.toml` pins the packages, and
`tests/unit/sandbox/test_torch_private.py` tells which behaviour is gone. See `docs/new-torch.md`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

import torch

CHECKED_VERSIONS = {"torch": "2.13.0", "torchvision": "0.28.0", "torchinfo": "1.8.0"}
"""The releases whose private names were checked."""

without_overrides = torch._C.DisableTorchFunctionSubclass
"""Context in which a subclass of Tensor runs no ``__torch_function__`` of its own."""
NormWithStatistics = torch.nn.modules.batchnorm._NormBase
"""Base class of every batch norm and instance norm."""

COMPILER = "torch._dynamo.utils"
"""The module that torchvision imports for one function, ``is_compile_supported``."""


@contextmanager
def compiler_on_demand() -> Iterator[None]:
    """Context in which torchvision is imported without torch's compiler, which takes as long as half of torch.

    Only operators of detection ask whether it supports a device; they import it when they are called.
    """

    def is_compile_supported(device: str) -> bool:
        return bool(importlib.import_module(COMPILER).is_compile_supported(device))

    stand_in = ModuleType(COMPILER)
    stand_in.is_compile_supported = is_compile_supported  # type: ignore[attr-defined]
    sys.modules[COMPILER] = stand_in
    try:
        yield
    finally:
        del sys.modules[COMPILER]


Normalize = Callable[..., torch.Tensor]


def replace_normalize(wrap: Callable[[Normalize], Normalize]) -> None:
    """Let ``transforms.Normalize`` of torchvision call ``wrap`` of its function."""
    from torchvision.transforms import _functional_tensor

    _functional_tensor.normalize = wrap(_functional_tensor.normalize)
