"""The audit's counts and refusals, on graphs of a few nodes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from grader.measure import artefact
from grader.measure.artefact import Audit
from tests.unit.measure.test_unpacking import network, node

BN = "BatchNormalization"


def audit_model(model: ModelProto) -> Audit:
    result = artefact.audit(model.SerializeToString())
    assert not result.refused
    return result


def audit(nodes: list[NodeProto], **stored: np.ndarray) -> Audit:
    return audit_model(network(nodes, **stored))


def test_sparse_constant_is_refused() -> None:
    values = numpy_helper.from_array(np.ones(24, np.float32), "values")
    places = numpy_helper.from_array(np.arange(24), "places")
    sparse = helper.make_sparse_tensor(values, places, [8, 3])
    model = network([helper.make_node("Constant", [], ["w"], sparse_value=sparse)])
    assert "sparse" in artefact.audit(model.SerializeToString()).refused


def elus(slopes: list[float]) -> list[NodeProto]:
    nodes = [node("Elu", "one", f"e{i}", alpha=slope) for i, slope in enumerate(slopes)]
    return [*nodes, helper.make_node("Concat", [f"e{i}" for i in range(len(slopes))], ["w"], axis=0)]


@pytest.mark.parametrize(
    ("slopes", "counted"),
    [([0.01] * 1000, 0), ([0.01 * (i % 20) for i in range(1000)], 0), ([0.01 * i for i in range(1000)], 1000)],
    ids=["all alike", "twenty", "all different"],
)
def test_settings_of_operators_count_where_many_differ(slopes: list[float], counted: int) -> None:
    assert audit(elus(slopes), one=np.array([-1.0], np.float32)).constants == counted


def test_settings_count_however_alike_where_no_network_has_so_many() -> None:
    assert audit(elus([0.01, 0.02] * 2100), one=np.array([-1.0], np.float32)).constants == 4200


def test_words_in_a_constant_count_each() -> None:
    nodes = [helper.make_node("Constant", [], [f"c{i}"], value_strings=[b"0.5"] * 16) for i in range(300)]
    assert audit([*nodes, node("Cast", "c0", "w", to=TensorProto.FLOAT)]).constants == 4800


def normalised(features: int, *, layer: bool, learns: bool) -> ModelProto:
    """Images (N, 8), through a layer of 16 outputs or not, through a batch norm."""
    nodes = [node("Gemm", "images weight", "x", transB=1)] if layer else [node("Tile", "images twice", "x")]
    nodes += [node(BN, "x scale shift mean var", "y")]
    nodes += [] if learns else [node("Expand", "one size", "scale"), node("Expand", "one size", "shift")]
    stored: dict[str, np.ndarray] = {name: np.ones(features, np.float32) for name in ("mean", "var")}
    stored |= {name: np.ones(features, np.float32) for name in ("scale", "shift") if learns}
    stored |= {"weight": np.ones((16, 8), np.float32)} if layer else {"twice": np.array([1, 2])}
    stored |= {} if learns else {"one": np.array([1.0], np.float32), "size": np.array([features])}
    return network([*sorted(nodes, key=lambda each: each.op_type == BN), node("Identity", "images", "w")], **stored)


@pytest.mark.parametrize(
    ("layer", "learns", "free"),
    [(True, True, 32), (True, False, 32), (False, True, 32), (False, False, 0)],
)
def test_statistics_are_free_where_a_layer_or_learned_numbers_explain_them(
    layer: bool, learns: bool, free: int
) -> None:
    result = audit_model(normalised(16, layer=layer, learns=learns))
    assert (result.statistics, result.constants) == (free, 32 - free)


def test_scale_that_is_a_weight_too_explains_no_statistics() -> None:
    model = normalised(16, layer=False, learns=True)
    model.graph.node.append(node("Mul", "scale shift", "again"))
    onnx.checker.check_model(model)
    assert audit_model(model).statistics == 0


@pytest.mark.parametrize("shape", [(1000, 0), ()], ids=["no inputs", "a scalar"])
def test_layer_without_inputs_explains_no_statistics(shape: tuple[int, ...]) -> None:
    model = normalised(16, layer=False, learns=False)
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(shape, np.float32), "nothing"))
    model.graph.node.append(node("Transpose", "nothing", "turned"))
    assert audit_model(model).statistics == 0
