"""Code for a GPU or a compiler runs here too: CUDA and MPS mean the CPU, ``torch.compile`` gives back the model.

A notebook has a GPU, a sandbox has none; the compiler starts processes, which a sandbox forbids. Where a tensor lives
and how fast it is computed are no part of any question.
"""

from __future__ import annotations

from typing import Any

import torch

_ELSEWHERE = frozenset({"cuda", "mps", "xpu"})


def without_gpu() -> None:
    """From now on ``.cuda()`` changes nothing; ``.to("cuda")`` and a Mac's ``.to("mps")`` mean ``.to("cpu")``."""

    def stay(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self

    torch.nn.Module.cuda = torch.Tensor.cuda = stay  # type: ignore[method-assign]
    for owner in (torch.nn.Module, torch.Tensor):
        owner.to = _redirected(owner.to)  # type: ignore[method-assign]
    for name in ("zeros", "ones", "empty", "full", "rand", "randn", "tensor", "arange", "linspace", "eye", "as_tensor",
                 "randint", "randperm", "normal", "set_default_device"):  # fmt: skip
        setattr(torch, name, _redirected(getattr(torch, name)))
    for name in ("synchronize", "set_device", "reset_peak_memory_stats", "reset_max_memory_allocated"):
        setattr(torch.cuda, name, lambda *args, **kwargs: None)
    torch.cuda.current_device = lambda: 0
    torch.cuda.get_device_name = lambda device=None: "CPU"
    for name in ("Float", "Double", "Half", "Long", "Int", "Short", "Byte", "Bool"):
        setattr(torch.cuda, f"{name}Tensor", getattr(torch, f"{name}Tensor"))


def without_compiler() -> None:
    """From now on ``torch.compile``, called or as a decorator, gives back what it was given, in this process."""

    def unchanged(model: Any = None, **_: Any) -> Any:
        return (lambda function: function) if model is None else model

    torch.compile = unchanged


def _redirected(function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_here, args), **{name: _here(value) for name, value in kwargs.items()})

    return call


def _here(value: Any) -> Any:
    if isinstance(value, torch.device) and value.type in _ELSEWHERE:
        return torch.device("cpu")
    return "cpu" if isinstance(value, str) and value.split(":")[0] in _ELSEWHERE else value
