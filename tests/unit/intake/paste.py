"""Code as students write it, the damage that copying does to it, and helpers that read it."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from grader.assignment import bundled
from grader.intake import EntryKind, IntakeResult, defined_names, read_part
from grader.submission import Part

PRELUDE = defined_names(bundled("hw13").prelude_source())

MODEL = '''\
class Separable_Block(nn.Module):
    """A depthwise and a pointwise convolution."""

    expansion = 1

    def __init__(self, in_planes, out_planes, stride=1):
        super(Separable_Block, self).__init__()
        self.depth_wise = nn.Conv2d(in_planes, in_planes, kernel_size=3, stride=stride, padding=1, groups=in_planes)
        self.point_wise = nn.Conv2d(in_planes, out_planes, kernel_size=1, bias=False)
        self.norm_1 = nn.BatchNorm2d(out_planes)
        # the shortcut needs the same number of planes
        self.is_same = stride == 1 and in_planes == out_planes

    def forward(self, x):
        out_1 = F.relu(self.norm_1(self.point_wise(self.depth_wise(x))))
        if self.is_same:
            out_1 = out_1 + x
        return out_1


class StudentNet(nn.Module):
    def __init__(self, num_blocks, num_classes=11):
        super().__init__()
        self.in_planes = 16
        self.stem_conv = nn.Conv2d(3, 16, kernel_size=3, stride=2, padding=1)
        self.layer_1 = self._make_layer(24, num_blocks[0])
        self.layer_2 = self._make_layer(32, num_blocks[1])
        self.head_linear = nn.Linear(32, num_classes)

    def _make_layer(self, planes, num_blocks):
        all_blocks = []
        for block_id in range(num_blocks):
            all_blocks.append(Separable_Block(self.in_planes, planes, stride=2 if block_id == 0 else 1))
            self.in_planes = planes
        return nn.Sequential(*all_blocks)

    def forward(self, x):
        out_x = self.layer_2(self.layer_1(self.stem_conv(x)))
        out_x = F.adaptive_avg_pool2d(out_x, 1).flatten(1)
        return self.head_linear(out_x)


def get_student_model():
    return StudentNet([2, 1])
'''

LOSS = """\
def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    log_p = F.log_softmax(student_logits / temperature, dim=-1)
    soft_q = F.softmax(teacher_logits / temperature, dim=-1)
    kl_term = F.kl_div(log_p, soft_q, reduction='batchmean') * temperature ** 2
    if labels is not None and alpha < 1:
        ce_term = F.cross_entropy(student_logits, labels)
    else:
        ce_term = 0.0
    return alpha * kl_term + (1 - alpha) * ce_term
"""


KINDS = {"get_student_model": EntryKind.NETWORK, "loss_fn_kd": EntryKind.LOSS}


def read_text(text: str | bytes, entry: str = "get_student_model", repair: Any = "suggest") -> IntakeResult:
    """Read a part with the prelude of the worked assignment."""
    data = text.encode() if isinstance(text, str) else text
    return read_part(Part(data), entry, PRELUDE, repair, KINDS.get(entry, EntryKind.FUNCTION))


def without_underscores(code: str) -> str:
    """Code as copied from a PDF: a space for every underscore, also in comments and strings."""
    return code.replace("__", " ").replace("_", " ")


def one_space_off(code: str) -> str:
    """Code with the indentation of a PDF: narrower, and in some lines a column short."""
    lines = []
    for number, line in enumerate(code.split("\n")):
        margin = len(line) - len(line.lstrip())
        narrow = {0: 0, 4: 2, 8: 5, 12: 7}.get(margin, margin)
        # Shorten only lines that open no block, because their neighbours show where they belong.
        short = narrow == 5 and number % 7 == 3 and not line.rstrip().endswith(":")
        lines.append(" " * (narrow - short) + line.lstrip())
    return "\n".join(lines)


def notebook(*cells: str, version: int = 4) -> str:
    """A notebook of code cells with a heading and an output, as JSON."""
    heading: dict[str, Any] = {"cell_type": "markdown", "metadata": {}, "source": ["# HW13 作業\n"]}
    if version == 3:
        inputs = [{"cell_type": "code", "input": cell.splitlines(keepends=True), "outputs": []} for cell in cells]
        return json.dumps({"nbformat": 3, "worksheets": [{"cells": [heading, *inputs]}]})
    output = {"output_type": "stream", "name": "stdout", "text": ["def get_student_model(): pass\n"]}
    sources = [{"cell_type": "code", "source": cell.splitlines(keepends=True), "outputs": [output]} for cell in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [heading, *sources]})


def note_ids(result: IntakeResult) -> set[str]:
    """The ids of the notes of a result."""
    return {note.id for note in result.notes}


def code_lines(text: str) -> list[str]:
    """Lines that hold code, without margins, comments and repeated blanks."""
    lines = (re.sub(r"\s+", " ", line.split("#")[0]).strip() for line in text.split("\n"))
    return [line for line in lines if line]


def source_of(text: str | bytes, entry: str = "get_student_model", repair: Any = "suggest") -> str:
    """The text that runs of an upload, which must have one."""
    source = read_text(text, entry, repair).source
    assert source is not None
    return source


def call_entry(source: str) -> object:
    """Run a source and call its model's entry point."""
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    return namespace["get_student_model"]()


def definition(source: str | None, name: str) -> str:
    """The last definition of a name, as a syntax tree."""
    assert source is not None
    return [ast.dump(node) for node in ast.parse(source).body if getattr(node, "name", "") == name][-1]
