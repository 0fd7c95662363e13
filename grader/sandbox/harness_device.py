"""Code written for a GPU or a compiler runs here too: CUDA means the CPU, ``torch.compile`` gives back the model.

A notebook has a GPU, a sandbox has none; the compiler starts processes, which a sandbox forbids. Where a tensor lives
and how fast it is computed are no part of any question.
"""

from __future__ import annotations

from typing import Any

import torch


def without_cuda() -> None:
    """From now on ``.cuda()`` changes nothing, and ``.to("cuda")`` means ``.to("cpu")``, in this process."""

    def stay(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self

    torch.nn.Module.cuda = torch.Tensor.cuda = stay  # type: ignore[method-assign]
    for owner in (torch.nn.Module, torch.Tensor):
        owner.to = _redirected(owner.to)  # type: ignore[method-assign]
    for name in ("zeros", "ones", "empty", "full", "rand", "randn", "tensor", "arange", "linspace", "eye", "as_tensor"):
        setattr(torch, name, _redirected(getattr(torch, name)))
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
    if isinstance(value, torch.device) and value.type == "cuda":
        return torch.device("cpu")
    return "cpu" if isinstance(value, str) and value.split(":")[0] == "cuda" else value
