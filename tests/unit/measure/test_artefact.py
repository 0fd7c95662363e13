"""The audit's counts and refusals, on graphs of a few nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from grader.measure import artefact, canonical, network
from grader.measure.artefact import Audit
from tests.unit.measure.test_unpacking import network as graph_of
from tests.unit.measure.test_unpacking import node

BN = "BatchNormalization"
HIDDEN = 8_192
"""Numbers that each forged artefact hides beside eight that it stores."""
SECRETS = np.random.default_rng(5).integers(1, 4096, HIDDEN)
ONE = np.array([1.0], np.float32)


def audit(model: ModelProto) -> Audit:
    return artefact.audit(model.SerializeToString())


def joined(nodes: list[NodeProto]) -> list[NodeProto]:
    return [*nodes, helper.make_node("Concat", [each.output[0] for each in nodes], ["w"], axis=0)]


def in_dimensions_of_an_empty_tensor() -> ModelProto:
    empty = TensorProto(name="empty", data_type=TensorProto.FLOAT, dims=[0, *SECRETS.tolist()])
    constant = helper.make_node("Constant", [], ["empty"], value=empty)
    return graph_of([constant, node("Shape", "empty", "shape"), node("Cast", "shape", "w", to=TensorProto.FLOAT)])


def in_dimensions_of_many_tensors() -> ModelProto:
    stored = {f"s{i}": np.ones((1, int(secret)), np.float32) for i, secret in enumerate(SECRETS[:1600] % 16 + 1)}
    return graph_of(joined([node("Shape", name, f"n{name}") for name in stored]), **stored)


def in_nine_dimensions() -> ModelProto:
    return graph_of([node("Shape", "s", "w")], s=np.ones((1, 2, 1, 2, 1, 1, 2, 1, 2), np.float32))


def in_whole_attributes() -> ModelProto:
    return graph_of(joined([node("EyeLike", "e", f"o{i}", k=int(k)) for i, k in enumerate(SECRETS)]), e=ONE[None])


def in_lists_of_attributes() -> ModelProto:
    pieces = SECRETS.reshape(-1, 4).tolist()
    return graph_of(
        joined([node("AveragePool", "e", f"o{i}", kernel_shape=[1, 1], pads=p) for i, p in enumerate(pieces)]), e=ONE
    )


def in_slopes() -> ModelProto:
    return graph_of(joined([node("Elu", "one", f"o{i}", alpha=float(k)) for i, k in enumerate(SECRETS)]), one=-ONE)


def in_names_of_operators() -> ModelProto:
    kinds = ("Relu", "Neg", "Abs", "Exp", "Sin", "Cos", "Tanh", "Sqrt")
    return graph_of(joined([node(kinds[k % 8], "one", f"o{i}") for i, k in enumerate(SECRETS)]), one=ONE)


def in_wiring() -> ModelProto:
    shared = {f"c{i}": ONE * i for i in range(256)}
    return graph_of(joined([node("Identity", f"c{k % 256}", f"o{i}") for i, k in enumerate(SECRETS)]), **shared)


def in_inputs_of_one_node() -> ModelProto:
    shared = {f"c{i}": ONE * i for i in range(256)}
    return graph_of([helper.make_node("Concat", [f"c{k % 256}" for k in SECRETS], ["w"], axis=0)], **shared)


def in_wiring_of_computed_values() -> ModelProto:
    shared = [node("Mul", "images k", "c0"), *(node("Relu", f"c{i}", f"c{i + 1}") for i in range(255))]
    sums = joined([node("Identity", f"c{k % 256}", f"o{i}") for i, k in enumerate(SECRETS)])
    return graph_of([*shared, *sums], k=ONE)


def in_short_constants() -> ModelProto:
    pieces = SECRETS.reshape(-1, 16).tolist()
    return graph_of(joined([helper.make_node("Constant", [], [f"o{i}"], value_ints=p) for i, p in enumerate(pieces)]))


def in_literals() -> ModelProto:
    return graph_of(
        joined([helper.make_node("Constant", [], [f"o{i}"], value_float=float(k)) for i, k in enumerate(SECRETS)])
    )


def in_words() -> ModelProto:
    nodes = [helper.make_node("Constant", [], ["o"], value_strings=[str(k).encode() for k in SECRETS])]
    return graph_of([*nodes, node("Cast", "o", "w", to=TensorProto.FLOAT)])


def in_numbers_of_outputs() -> ModelProto:
    nodes = [
        helper.make_node("Split", ["p"], [f"o{i}_{j}" for j in range(k % 8 + 2)], axis=0, num_outputs=int(k % 8 + 2))
        for i, k in enumerate(SECRETS)
    ]
    return graph_of(joined(nodes), p=np.ones(16, np.float32))


def in_order(operator: str, **attributes: object) -> Callable[[], ModelProto]:
    """An operator that tells numbers apart by size, on a stored tensor."""

    def build() -> ModelProto:
        outputs = ["v", "i"] if operator == "TopK" else ["i"]
        read = helper.make_node(
            operator, ["p", "k"][: 2 if operator in ("TopK", "CumSum") else 1], outputs, **attributes
        )
        return graph_of(
            [read, node("Cast", "i", "w", to=TensorProto.FLOAT)], p=np.ones((8, 64), np.float32), k=np.array([4])
        )

    return build


def in_a_sparse_constant() -> ModelProto:
    values = numpy_helper.from_array(np.ones(24, np.float32), "values")
    places = numpy_helper.from_array(np.arange(24), "places")
    sparse = helper.make_sparse_tensor(values, places, [8, 3])
    return graph_of([helper.make_node("Constant", [], ["w"], sparse_value=sparse)])


FORGED = {
    "dimensions of an empty tensor": in_dimensions_of_an_empty_tensor,
    "dimensions of many tensors": in_dimensions_of_many_tensors,
    "nine dimensions": in_nine_dimensions,
    "whole attributes": in_whole_attributes,
    "lists of attributes": in_lists_of_attributes,
    "slopes": in_slopes,
    "names of operators": in_names_of_operators,
    "wiring": in_wiring,
    "inputs of one node": in_inputs_of_one_node,
    "wiring of computed values": in_wiring_of_computed_values,
    "short constants": in_short_constants,
    "literals": in_literals,
    "words": in_words,
    "numbers of outputs": in_numbers_of_outputs,
    "places of the largest": in_order("TopK", axis=1),
    "the place of the largest": in_order("ArgMax", axis=1, keepdims=0),
    "a one at the largest": in_order("Hardmax", axis=1),
    "places of what is not zero": in_order("NonZero"),
    "running sums": in_order("CumSum"),
    "a sparse constant": in_a_sparse_constant,
}  # fmt: skip


@pytest.mark.parametrize("forge", FORGED.values(), ids=list(FORGED))
def test_numbers_beside_the_weights_are_refused(forge: Callable[[], ModelProto]) -> None:
    result = audit(forge())
    assert result.refused or result.constants + result.parameters > HIDDEN, result
    assert "no valid ONNX model" not in result.refused


def test_claimed_shapes_are_not_believed() -> None:
    """A runtime may take the shape of a value from what the graph claims."""
    model = graph_of(
        [node("Identity", "images", "x"), node("Shape", "x", "s"), node("Cast", "s", "w", to=TensorProto.FLOAT)]
    )
    model.graph.value_info.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, SECRETS[:8].tolist()))
    assert not network.Network(model.SerializeToString(), []).model.graph.value_info


def test_names_and_documentation_are_no_part_of_the_text() -> None:
    model = graph_of([node("Identity", "p", "w")], p=np.ones((8, 4), np.float32))
    size = canonical.canonical(ModelProto.FromString(model.SerializeToString())).compressed_size()
    secret = "".join(map(str, SECRETS))
    for said in (model, model.graph, model.graph.node[0], model.graph.initializer[0]):
        said.doc_string = secret
    model.graph.node[0].name = secret
    assert canonical.canonical(model).compressed_size() == size


def test_network_for_one_batch_size_is_told_apart() -> None:
    model = graph_of([node("Identity", "p", "w")], p=np.ones((8, 4), np.float32))
    assert not audit(model).has_fixed_batch
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    assert audit(model).has_fixed_batch


def test_literals_and_shapes_are_free() -> None:
    nodes = [
        helper.make_node("Constant", [], ["half"], value_float=0.5),
        node("Mul", "p half", "q"),
        node("Reshape", "q s", "w"),
    ]
    result = audit(graph_of(nodes, p=np.ones((8, 4), np.float32), s=np.array([8, 4])))
    assert (result.refused, result.parameters, result.constants) == ("", 32, 0)


# -- statistics of batch norms ----------------------------------------------------------------------------------------


def normalised(features: int, *, layer: bool, learns: bool, norms: int = 1, shared: bool = False) -> ModelProto:
    """Images (N, 8), through a layer of 16 outputs or not, through batch norms, each with statistics of its own."""
    nodes = [node("Gemm", "images weight", "x", transB=1)] if layer else [node("Tile", "images twice", "x")]
    stored: dict[str, np.ndarray] = {"w": np.ones((8, 4), np.float32)}
    stored |= {"weight": np.ones((16, 8), np.float32)} if layer else {"twice": np.array([1, 2])}
    nodes += [] if learns else [node("Expand", "one size", name) for name in ("scale0", "shift0")]
    stored |= {} if learns else {"one": ONE, "size": np.array([features])}
    for i in range(norms):
        own = 0 if shared or not learns else i
        nodes.append(node(BN, f"x scale{own} shift{own} mean{i} var{i}", f"y{i}"))
        names = [f"mean{i}", f"var{i}", *([f"scale{own}", f"shift{own}"] if learns else [])]
        stored |= {name: np.ones(features, np.float32) for name in names}
    return graph_of(nodes, **stored)


@pytest.mark.parametrize(
    ("facts", "free", "numbers"),
    [
        ({"layer": True, "learns": True}, 32, 128 + 32),
        ({"layer": True, "learns": False}, 32, 128 + 1),
        ({"layer": False, "learns": True}, 32, 32),
        ({"layer": False, "learns": False}, 0, 32 + 1),
        ({"layer": False, "learns": True, "norms": 3}, 96, 96),
        # Scale and shift, or the layer, account for one set of statistics only.
        ({"layer": False, "learns": True, "norms": 3, "shared": True}, 32, 32 + 64),
        ({"layer": True, "learns": False, "norms": 3}, 32, 128 + 64 + 1),
    ],
)
def test_batch_norm_carries_two_statistics_for_each_channel(facts: dict[str, int], free: int, numbers: int) -> None:
    result = audit(normalised(16, **facts))  # type: ignore[arg-type]
    assert (result.refused, result.statistics, result.parameters - 32 + result.constants) == ("", free, numbers)


@pytest.mark.parametrize("name", ["scale0", "mean0"])
def test_statistics_count_where_scale_or_mean_is_a_weight_too(name: str) -> None:
    model = normalised(16, layer=False, learns=True)
    model.graph.node.append(node("Mul", f"{name} shift0", "again"))
    onnx.checker.check_model(model)
    assert audit(model).statistics == 0


def test_large_layer_of_another_width_accounts_for_no_statistics() -> None:
    assert audit(normalised(100, layer=True, learns=False)).statistics == 0
