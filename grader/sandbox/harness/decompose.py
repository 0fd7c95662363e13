"""A shorter way from an exported program to the operators that ONNX has, for graphs of well-known operators.

The library's way, `ExportedProgram.run_decompositions`, runs the whole program twice on tensors with symbolic sizes,
which is half of an export. Most operators that students use have a translation of their own; a rule that looks at one
node replaces the others. A graph with any other operator goes the library's way.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node

from grader.sandbox.harness import exporter_private

_aten = torch.ops.aten

FRESH_OPERATORS = frozenset(
    {
        _aten.add.Tensor,
        _aten.amax.default,
        _aten.avg_pool2d.default,
        _aten.cat.default,
        _aten.celu.default,
        _aten.clone.default,
        _aten.conv2d.default,
        _aten.div.Tensor,
        _aten.elu.default,
        _aten.gelu.default,
        _aten.group_norm.default,
        _aten.hardsigmoid.default,
        _aten.hardswish.default,
        _aten.hardtanh.default,
        _aten.layer_norm.default,
        _aten.leaky_relu.default,
        _aten.linear.default,
        _aten.log_softmax.int,
        _aten.matmul.default,
        _aten.max_pool2d.default,
        _aten.mean.dim,
        _aten.mish.default,
        _aten.mul.Tensor,
        _aten.prelu.default,
        _aten.relu.default,
        _aten.relu6.default,
        _aten.sigmoid.default,
        _aten.silu.default,
        _aten.softmax.int,
        _aten.sub.Tensor,
        _aten.tanh.default,
        _aten.upsample_bilinear2d.vec,
        _aten.upsample_nearest2d.vec,
    }
)
"""Operators with an own translation whose result shares no memory with another tensor."""

VIEW_OPERATORS = frozenset(
    {
        _aten.contiguous.default,
        _aten.expand.default,
        _aten.flatten.using_ints,
        _aten.permute.default,
        _aten.pixel_shuffle.default,
        _aten.pixel_unshuffle.default,
        _aten.reshape.default,
        _aten.select.int,
        _aten.slice.Tensor,
        _aten.squeeze.dim,
        _aten.transpose.int,
        _aten.unsqueeze.default,
        _aten.view.default,
    }
)
"""Operators with an own translation whose result may be a view of the argument's memory."""

IN_PLACE_OPERATORS = {
    _aten.add_.Tensor: _aten.add.Tensor,
    _aten.elu_.default: _aten.elu.default,
    _aten.hardsigmoid_.default: _aten.hardsigmoid.default,
    _aten.hardswish_.default: _aten.hardswish.default,
    _aten.hardtanh_.default: _aten.hardtanh.default,
    _aten.leaky_relu_.default: _aten.leaky_relu.default,
    _aten.mul_.Tensor: _aten.mul.Tensor,
    _aten.relu6_.default: _aten.relu6.default,
    _aten.relu_.default: _aten.relu.default,
    _aten.sigmoid_.default: _aten.sigmoid.default,
    _aten.silu_.default: _aten.silu.default,
    _aten.tanh_.default: _aten.tanh.default,
}
"""Operators that write their result over their argument, and their functional forms."""


def decompose_in_place(program: ExportedProgram) -> bool:
    """Rewrite the program's graph in place. Returns whether that was possible; if not, the graph is unchanged."""
    module = program.graph_module
    assertions = _assertion_nodes(module)
    rules = {node: _rule(node) for node in module.graph.nodes if node not in assertions}
    if None in rules.values():
        return False
    with exporter_private.signature_updates(program):
        for node in assertions:
            module.graph.erase_node(node)
        for node, rule in rules.items():
            assert rule is not None
            rule(module, node)
    module.recompile()
    return True


def _assertion_nodes(module: GraphModule) -> dict[Node, None]:
    """Assertions about sizes, which ONNX cannot express, and the nodes that only they read; readers first."""
    assertions: dict[Node, None] = {}
    for node in reversed(module.graph.nodes):
        about_sizes = node.op == "call_function" and not isinstance(node.target, exporter_private.Operator)
        if node.target is exporter_private.SCALAR_ASSERTION or (
            (about_sizes or node.target is _aten.sym_size.int)
            and node.users
            and all(user in assertions for user in node.users)
        ):
            assertions[node] = None
    return assertions


Rule = Callable[[GraphModule, Node], None]


def _rule(node: Node) -> Rule | None:
    """The rule that rewrites a node; ``None`` if only the library can."""
    if node.op in ("placeholder", "output"):
        return _leave_unchanged
    if node.op != "call_function" or not isinstance(target := node.target, exporter_private.Operator):
        return None
    if target in FRESH_OPERATORS or target in VIEW_OPERATORS or target is _aten.sym_size.int:
        return _leave_unchanged
    if target in IN_PLACE_OPERATORS:
        return _use_functional_form if _owns_its_memory(node) else None
    if target is _aten.batch_norm.default:
        in_eval_mode = len(node.args) == 9 and node.args[5] is False and node.args[3] is not None
        return _replace_batch_norm if in_eval_mode else None
    if target is _aten.adaptive_avg_pool2d.default:
        return _replace_global_pooling if list(_argument(node, 1, "output_size")) == [1, 1] else None
    if target is _aten.conv2d.padding:
        return _replace_padding_name if _padding_amounts(node) is not None else None
    if target in (_aten.dropout.default, _aten.feature_dropout.default):
        return _remove_identity if _argument(node, 2, "train") is False else None
    return None


def _argument(node: Node, position: int, name: str, default: Any = None) -> Any:
    return node.args[position] if len(node.args) > position else node.kwargs.get(name, default)


def _owns_its_memory(node: Node) -> bool:
    """Whether no other node reads the memory that it writes to, and writing converts no numbers."""
    argument = node.args[0]
    if not isinstance(argument, Node) or len(argument.users) != 1:
        return False
    target = argument.target
    fresh = target in FRESH_OPERATORS or target in IN_PLACE_OPERATORS or target is _aten.batch_norm.default
    values = [argument.meta["val"] for argument in node.all_input_nodes]
    return fresh and all(isinstance(v, torch.Tensor) and v.dtype == values[0].dtype for v in values)


def _leave_unchanged(module: GraphModule, node: Node) -> None:
    pass


def _use_functional_form(module: GraphModule, node: Node) -> None:
    node.target = IN_PLACE_OPERATORS[node.target]  # type: ignore[index]


def _remove_identity(module: GraphModule, node: Node) -> None:
    node.replace_all_uses_with(node.args[0])  # type: ignore[arg-type]
    module.graph.erase_node(node)


def _replace_batch_norm(module: GraphModule, node: Node) -> None:
    images, weight, bias, mean, variance, _, momentum, epsilon, *_ = node.args
    value = node.meta["val"]
    with module.graph.inserting_before(node):
        results = module.graph.call_function(
            exporter_private.BATCH_NORM,
            (images, weight, bias, mean, variance, momentum, epsilon),
        )
        images_only = module.graph.call_function(operator.getitem, (results, 0))
    results.meta = {**node.meta, "val": (value, value.new_empty(0), value.new_empty(0))}
    images_only.meta = dict(node.meta)
    node.replace_all_uses_with(images_only)
    module.graph.erase_node(node)


def _padding_amounts(node: Node) -> list[int] | None:
    """Padding of each side for padding="same" or "valid"; ``None`` where the two ends of a side differ."""
    if _argument(node, 4, "padding", "valid") == "valid":
        return [0, 0]
    kernel = node.args[1].meta["val"].shape[2:]  # type: ignore[union-attr]
    padding = [d * (size - 1) for d, size in zip(_argument(node, 5, "dilation", (1, 1)), kernel, strict=True)]
    return None if any(number % 2 for number in padding) else [number // 2 for number in padding]


def _replace_padding_name(module: GraphModule, node: Node) -> None:
    defaults = [None, [1, 1], "valid"]
    arguments = [*node.args, *defaults[len(node.args) - 2 :]]
    node.args = (*arguments[:4], _padding_amounts(node), *arguments[5:])
    node.target = _aten.conv2d.default


def _replace_global_pooling(module: GraphModule, node: Node) -> None:
    with module.graph.inserting_before(node):
        mean = module.graph.call_function(_aten.mean.dim, (node.args[0], [-1, -2], True))
    mean.meta = dict(node.meta)
    node.replace_all_uses_with(mean)
    module.graph.erase_node(node)
