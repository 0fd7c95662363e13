"""Weights that are unpacked from the digits of stored numbers, on graphs of a few nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from grader.measure import artefact, unpacking

FLOAT, FLOAT16, INT64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT64


def network(nodes: Sequence[NodeProto], **stored: np.ndarray) -> ModelProto:
    """Images (N, 8) times a matrix that ``nodes`` make of the ``stored`` tensors, as ``w``."""
    images = helper.make_tensor_value_info("images", FLOAT, ["batch", 8])
    logits = helper.make_tensor_value_info("logits", FLOAT, ["batch", "classes"])
    product = helper.make_node("MatMul", ["images", "w"], ["logits"])
    initializers = [numpy_helper.from_array(array, name) for name, array in stored.items()]
    graph = helper.make_graph([*nodes, product], "g", [images], [logits], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def node(op: str, inputs: str, output: str, **attributes: object) -> NodeProto:
    return helper.make_node(op, inputs.split(), [output], **attributes)


P = np.ones((8, 4), np.float32)
DIGITS = [
    node("Floor", "p", "high"),
    node("Sub", "p high", "low"),
]
TABLE = np.ones((6, 4), np.float32)


@pytest.mark.parametrize(
    ("nodes", "stored", "numbers"),
    [
        ([*DIGITS, node("Concat", "high low", "w", axis=1)], {"p": P}, (64, 32)),
        ([node("Mod", "p k", "m"), node("Cast", "m", "f", to=FLOAT), node("Cast", "p", "g", to=FLOAT),
          node("Concat", "f g", "w", axis=1)], {"p": P.astype(np.int64), "k": np.array(16)}, (64, 32)),
        ([node("Greater", "p k", "b"), node("Cast", "b", "f", to=FLOAT), node("Concat", "f f f", "w", axis=1)],
         {"p": P, "k": np.array(0.5, np.float32)}, (96, 32)),
        ([node("Cast", "p", "half", to=FLOAT16), node("Cast", "half", "high", to=FLOAT), node("Sub", "p high", "low"),
          node("Concat", "high low", "w", axis=1)], {"p": P}, (64, 32)),
        ([node("CastLike", "p k", "half"), node("Cast", "half", "high", to=FLOAT), node("Sub", "p high", "low"),
          node("Concat", "high low", "w", axis=1)], {"p": P, "k": np.array(1, np.float16)}, (64, 32)),
        ([node("QuantizeLinear", "p k z", "q"), node("DequantizeLinear", "q k z", "high"), node("Sub", "p high", "low"),
          node("Concat", "high low", "w", axis=1)],
         {"p": P, "k": np.array(0.5, np.float32), "z": np.array(0, np.int8)}, (64, 32)),
        ([*DIGITS, node("Cast", "high", "i", to=INT64), node("Cast", "low", "j", to=INT64),
          node("Concat", "i j", "digits", axis=1), node("Gather", "book digits", "w", axis=0)],
         {"p": P, "book": np.ones(16, np.float32)}, (64, 32)),
        ([node("Div", "p k", "high"), node("Concat", "high high", "digits", axis=1),
          node("Gather", "book digits", "w", axis=0)],
         {"p": P.astype(np.int64), "k": np.array(16), "book": np.ones(16, np.float32)}, (64, 32)),
        ([node("Concat", " ".join(f"p{i}" for i in range(80)), "p", axis=0), *DIGITS,
          node("Concat", "high low", "w", axis=0)],
         {f"p{i}": np.ones(16, np.float32) for i in range(80)}, (2560, 1280)),
    ],
    ids=[
        "floor", "whole numbers", "comparison", "half", "half like another", "quantised", "looked up",
        "quotients looked up", "small pieces",
    ],
)  # fmt: skip
def test_digits_that_make_more_numbers_are_found(
    nodes: list[NodeProto], stored: dict[str, np.ndarray], numbers: tuple[int, int]
) -> None:
    model = network(nodes, **stored)
    assert unpacking.unpacked_numbers(model) == numbers
    assert artefact.audit(model.SerializeToString()).unpacked == numbers


@pytest.mark.parametrize(
    ("nodes", "stored"),
    [
        ([node("Round", "p", "w")], {"p": P}),
        ([node("Round", "p", "r"), node("Sub", "r p", "d"), node("Add", "p d", "w")], {"p": P}),
        ([node("Concat", "p p", "w", axis=1)], {"p": P}),
        ([node("MatMul", "u v", "w")], {"u": np.ones((8, 3), np.float32), "v": np.ones((3, 40), np.float32)}),
        ([node("Gather", "t i", "w", axis=0)], {"t": TABLE, "i": np.zeros(8, np.int64)}),
        ([node("Gather", "t i", "g", axis=0), node("Reshape", "g s", "w")],
         {"t": TABLE, "i": np.zeros(24, np.int64), "s": np.array([8, -1])}),
        ([node("Greater", "p k", "b"), node("Cast", "b", "f", to=FLOAT), node("Mul", "p f", "w")],
         {"p": P, "k": np.array(0.5, np.float32)}),
        ([node("Cast", "p", "half", to=FLOAT16), node("Cast", "half", "w", to=FLOAT)], {"p": P}),
        ([node("QuantizeLinear", "p k z", "q"), node("DequantizeLinear", "q k z", "w")],
         {"p": P, "k": np.array(0.5, np.float32), "z": np.array(0, np.int8)}),
        ([node("Cast", "i", "j", to=INT64), node("Gather", "t j", "w", axis=0)],
         {"t": TABLE, "i": np.zeros(24, np.int32)}),
        ([node("Range", "zero many one", "r"), node("Mod", "r six", "i"), node("Gather", "t i", "w", axis=0)],
         {"t": TABLE, "zero": np.array(0), "many": np.array(24), "one": np.array(1), "six": np.array(6)}),
    ],
    ids=[
        "rounded", "straight through", "repeated", "low rank", "looked up", "relative positions", "pruned",
        "half precision", "quantised", "looked up by int32", "places computed",
    ],
)  # fmt: skip
def test_honest_weights_are_not_unpacked(nodes: list[NodeProto], stored: dict[str, np.ndarray]) -> None:
    assert unpacking.unpacked_numbers(network(nodes, **stored)) is None


def test_slice_between_computed_ends_hides_no_growth() -> None:
    """Its size is not inferred, so the size of its input is used."""
    ends = [node("Cast", "e", "f", to=INT64), node("Reshape", "f one", "end")]
    cut = node("Slice", "all start end axes", "w")
    stored = {
        "p": P,
        "e": np.array(6.0, np.float32),
        "one": np.array([1]),
        "start": np.array([0]),
        "axes": np.array([1]),
    }
    unpacked = network([*DIGITS, node("Concat", "high low", "all", axis=1), *ends, cut], **stored)
    assert unpacking.unpacked_numbers(unpacked) == (64, 32)
    rounded = network([node("Round", "p", "all"), *ends, cut], **stored)
    assert unpacking.unpacked_numbers(rounded) is None
