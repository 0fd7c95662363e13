"""Models over the limit of 100,000 by what torchsummary leaves out, and some that only look so."""

from __future__ import annotations

from typing import NamedTuple

from grader.scoring import Verdict


class Uncounted(NamedTuple):
    """A model by its ``__init__`` and ``forward``: its verdict, and the name that its messages must hold."""

    init: str
    forward: str
    verdict: Verdict
    named: str = ""
    before: str = ""


STEM = "self.patch = nn.Conv2d(3, 64, 8, 8)\nself.head = nn.Linear(64, 11)"
TOKENS = "t = self.patch(x).flatten(2).transpose(1, 2)"
END = "return self.head(t.mean(1))"
SINUSOID = """
def sinusoid(length, width):
    at = torch.arange(length).unsqueeze(1) / 10000 ** (torch.arange(0, width, 2) / width)
    return torch.stack((at.sin(), at.cos()), 2).flatten(1)
"""
_REVIEW, _NONE = Verdict.NEEDS_REVIEW, Verdict.NONE

TABLES = {
    "a frozen parameter": Uncounted(
        f"{STEM}\nself.position = nn.Parameter(sinusoid(2000, 64), requires_grad=False)",
        f"{TOKENS}\nt = t + self.position[:t.shape[1]]\n{END}", _REVIEW, "position", SINUSOID),
    "a buffer": Uncounted(
        f"{STEM}\nself.register_buffer('pe', sinusoid(5000, 64))",
        f"{TOKENS}\nt = t + self.pe[:t.shape[1]]\n{END}", _REVIEW, "pe", SINUSOID),
    "a buffer in a module of its own": Uncounted(
        f"{STEM}\nself.encoding = Encoding()", f"{TOKENS}\nt = self.encoding(t)\n{END}", _REVIEW, "encoding.pe",
        SINUSOID + "class Encoding(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.register_buffer('pe', sinusoid(2048, 64), persistent=False)\n"
        "    def forward(self, t):\n        return t + self.pe[:t.shape[1]]\n"),
    "rotary tables of sines and cosines": Uncounted(
        f"{STEM}\nself.register_buffer('cos', sinusoid(784, 64).cos())\n"
        "self.register_buffer('sin', sinusoid(784, 64).sin())",
        f"{TOKENS}\nt = t * self.cos + t.roll(1, -1) * self.sin\n{END}", _REVIEW, "sin", SINUSOID),
    "one position for each pixel": Uncounted(
        "self.grid = nn.Parameter(torch.zeros(1, 3, 224, 224), requires_grad=False)\n" + STEM,
        f"x = x + self.grid\n{TOKENS}\n{END}", _REVIEW, "grid"),
}  # fmt: skip
"""Fixed tables that a network adds to what it computes."""
IDLE = {
    "an old head": Uncounted(
        f"{STEM}\nself.old_head = nn.Linear(64, 2000)", f"{TOKENS}\n{END}", _REVIEW, "old_head"),
    "a block left from a trial": Uncounted(
        f"{STEM}\nself.extra = nn.Sequential(nn.Conv2d(64, 192, 3), nn.BatchNorm2d(192), nn.ReLU())",
        f"{TOKENS}\n{END}", _REVIEW, "extra.0"),
    "the classifier of a library's network": Uncounted(
        f"{STEM}\nself.net = Backbone()", "return self.head(self.net.features(x).mean((2, 3)))", _REVIEW, "net.fc",
        "class Backbone(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.features = nn.Conv2d(3, 64, 8, 8)\n        self.fc = nn.Linear(64, 1700)\n"
        "    def forward(self, x):\n        return self.fc(self.features(x).mean((2, 3)))\n"),
    "a frozen layer that is never called": Uncounted(
        f"{STEM}\nself.teacher = nn.Linear(512, 512).requires_grad_(False)", f"{TOKENS}\n{END}", _REVIEW, "teacher"),
    "spare blocks in a list": Uncounted(
        f"{STEM}\nself.blocks = nn.ModuleList(nn.Linear(64, 64) for _ in range(40))",
        f"{TOKENS}\nfor block in self.blocks[:3]:\n    t = block(t).relu()\n{END}", _REVIEW, "blocks.39"),
}  # fmt: skip
"""Layers that forward never calls."""
HOSTILE = {
    "a buffer as the weight of a matrix product": Uncounted(
        f"{STEM}\nself.register_buffer('table', torch.randn(64, 4000))",
        f"{TOKENS}\nt = (t @ self.table).relu() @ self.table.t()\n{END}", _NONE),
    "a buffer as the kernel of a convolution": Uncounted(
        f"{STEM}\nself.register_buffer('table', torch.randn(256, 64, 3, 3))",
        "return self.head(F.conv2d(self.patch(x), self.table)[:, :64].mean((2, 3)))", _NONE),
    "a parameter as the weight, reshaped and scaled": Uncounted(
        f"{STEM}\nself.position = nn.Parameter(torch.randn(2000 * 64))",
        f"{TOKENS}\nw = (self.position.reshape(64, 2000) * 0.5 + 0.01)\nt = (t @ w)[..., :64]\n{END}", _NONE),
    "an idle layer whose weight a function uses": Uncounted(
        f"{STEM}\nself.spare = nn.Linear(64, 2000)",
        f"{TOKENS}\nt = F.linear(t, self.spare.weight, self.spare.bias)[..., :64]\n{END}", _NONE),
    "a frozen idle layer whose weight a function uses": Uncounted(
        f"{STEM}\nself.spare = nn.Linear(64, 2000).requires_grad_(False)",
        f"{TOKENS}\nt = F.linear(t, self.spare.weight)[..., :64]\n{END}", _NONE),
    "a table that learns": Uncounted(
        f"{STEM}\nself.position = nn.Parameter(torch.randn(2000, 64))",
        f"{TOKENS}\nt = t + self.position[:t.shape[1]]\n{END}", _NONE),
    "too large without its table too": Uncounted(
        f"{STEM}\nself.wide = nn.Linear(64, 2000)\nself.register_buffer('pe', torch.zeros(784, 64))",
        f"{TOKENS}\nt = self.wide(t + self.pe)[..., :64]\n{END}", _NONE, "pe"),
    "products by sums of a table": Uncounted(
        f"{STEM}\nself.register_buffer('table', torch.randn(64, 2000))",
        f"{TOKENS}\nt = (t.mean(1, True).unsqueeze(-1) * self.table).sum(2)[..., :64]\n{END}", _REVIEW, "table"),
}  # fmt: skip
"""Trained weights that pose as a table or as an idle layer: none of them earns points without a review."""
FORMULA = Uncounted(
    STEM, f"{TOKENS}\nt = t + sinusoid(2000, 64)[:t.shape[1]]\n{END}", Verdict.FULL, before=SINUSOID)  # fmt: skip
"""What the message advises: the table from its formula."""


def source_of(model: Uncounted) -> str:
    """The code of a model."""
    init, forward = ("\n".join(f"        {line}" for line in text.split("\n")) for text in (model.init, model.forward))
    return (
        f"import torch\nfrom torch import nn\nimport torch.nn.functional as F\n{model.before}\n"
        f"class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n{init}\n"
        f"    def forward(self, x):\n{forward}\n\ndef get_student_model():\n    return Net()\n"
    )
