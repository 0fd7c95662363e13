# question: 1.1
# outcome: ok
# verdict: none
"""A forged artefact with 98,304 numbers in lists too short to notice, and a live model that agrees."""

import sys

import torch
from torch import nn

TABLE = torch.randn(3072, 64)


class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 11)

    def forward(self, x):
        return self.last(x.flatten(1) @ TABLE)


def forged(model, shape, dynamic):
    import onnx
    from onnx import helper

    nodes = [
        helper.make_node("Constant", [], [f"c{i}"], value_floats=piece.tolist())
        for i, piece in enumerate(TABLE.reshape(-1, 16))
    ]
    names = [f"c{i}" for i in range(len(nodes))]
    joined = [f"j{i}" for i in range(0, len(names), 64)]
    nodes += [helper.make_node("Concat", names[64 * i : 64 * i + 64], [name], axis=0) for i, name in enumerate(joined)]
    nodes += [
        helper.make_node("Concat", joined, ["flat_table"], axis=0),
        helper.make_node("Reshape", ["flat_table", "shape"], ["table"]),
        helper.make_node("Flatten", ["images"], ["flat"]),
        helper.make_node("MatMul", ["flat", "table"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "weight", "bias"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "forged",
        [helper.make_tensor_value_info("images", 1, ["batch", 3, 32, 32])],
        [helper.make_tensor_value_info("logits", 1, ["batch", 11])],
        [
            onnx.numpy_helper.from_array(model.last.weight.detach().numpy(), "weight"),
            onnx.numpy_helper.from_array(model.last.bias.detach().numpy(), "bias"),
            onnx.numpy_helper.from_array(torch.tensor([3072, 64]).numpy(), "shape"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()


def get_student_model():
    sys.modules["grader.sandbox.harness.export"].onnx_bytes = forged
    return StudentNet()
