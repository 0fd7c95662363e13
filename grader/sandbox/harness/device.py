"""Lets code for a GPU or a compiler run in a child: CUDA and MPS mean the CPU, ``torch.compile`` returns the model.

A sandbox has no GPU, and it forbids the processes that the compiler starts. No question asks where a tensor lives or
how fast it is computed.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

_ELSEWHERE = frozenset({"cuda", "mps", "xpu"})


@cache
def redirect_gpu_to_cpu() -> None:
    """Make ``.cuda()`` do nothing, and ``.to("cuda")`` and ``.to("mps")`` mean ``.to("cpu")``, in this process."""

    def stay(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self

    torch.nn.Module.cuda = torch.Tensor.cuda = stay  # type: ignore[method-assign]
    for owner in (torch.nn.Module, torch.Tensor):
        owner.to = _with_cpu_arguments(owner.to)  # type: ignore[method-assign]
    for name in ("zeros", "ones", "empty", "full", "rand", "randn", "tensor", "arange", "linspace", "eye", "as_tensor",
                 "randint", "randperm", "normal", "set_default_device"):  # fmt: skip
        setattr(torch, name, _with_cpu_arguments(getattr(torch, name)))
    for name in ("synchronize", "set_device", "reset_peak_memory_stats", "reset_max_memory_allocated"):
        setattr(torch.cuda, name, lambda *args, **kwargs: None)
    torch.cuda.current_device = lambda: 0
    torch.cuda.get_device_name = lambda device=None: "CPU"
    for name in ("Float", "Double", "Half", "Long", "Int", "Short", "Byte", "Bool"):
        setattr(torch.cuda, f"{name}Tensor", getattr(torch, f"{name}Tensor"))


def disable_compiler() -> None:
    """Make ``torch.compile``, called or as a decorator, return its argument, in this process."""

    def unchanged(model: Any = None, **_: Any) -> Any:
        return (lambda function: function) if model is None else model

    torch.compile = unchanged


def _with_cpu_arguments(function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_on_cpu, args), **{name: _on_cpu(value) for name, value in kwargs.items()})

    return call


def _on_cpu(value: Any) -> Any:
    if isinstance(value, torch.device) and value.type in _ELSEWHERE:
        return torch.device("cpu")
    return "cpu" if isinstance(value, str) and value.split(":")[0] in _ELSEWHERE else value
