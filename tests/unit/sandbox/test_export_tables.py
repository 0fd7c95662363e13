"""The exporter's tables are made once in the fork server, and an export is the same with them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch._export.utils
from onnxscript._framework_apis import torch_2_11 as onnxscript_apis
from torch.onnx._internal.exporter import _decomp, _fx_passes, _registration

from grader.sandbox.harness import export


def test_an_export_with_kept_tables_is_the_same_and_makes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    ops, decompositions = onnxscript_apis.get_torchlib_ops, torch.export.default_decompositions

    def counted(make: Any) -> Any:
        return lambda: made.append(1) or make()  # type: ignore[func-returns-value]

    # Kept for this test alone: everything is put back at its end.
    monkeypatch.setattr(_registration.ONNXRegistry, "from_torchlib", _registration.ONNXRegistry.from_torchlib)
    for module, name in (
        (_decomp, "create_onnx_friendly_decomposition_table"),
        (_fx_passes, "decompose_with_registry"),
        (torch._export.utils, "_materialize_cpp_cia_ops"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(_fx_passes, "decompose_with_registry", export._decompose)
    monkeypatch.setattr(onnxscript_apis, "get_torchlib_ops", counted(ops))
    monkeypatch.setattr(torch.export, "default_decompositions", counted(decompositions))
    # With an operator for which only the library knows the way.
    layers = torch.nn.ConvTranspose2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Hardswish(), torch.nn.Flatten()
    model = torch.nn.Sequential(*layers, torch.nn.LazyLinear(11)).eval()
    model(torch.zeros(1, 3, 8, 8))
    fresh = export.onnx_bytes(model, [3, 8, 8], dynamic=True)
    assert len(made) == 2
    export.warm_up()
    assert len(made) == 4
    again = [export.onnx_bytes(model, [3, 8, 8], dynamic=True) for _ in range(2)]
    assert again == [fresh, fresh]
    assert len(made) == 4
