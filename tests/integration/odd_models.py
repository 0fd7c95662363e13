"""Odd but honest models, and what becomes of each. ``python -m tests.integration.odd_models`` grades them all.

What a homework may hold: unusual layers, control flow, several outputs, half and double precision. Each is either
confirmed on its artefact, or waits for a person with a reason that says why; none earns a silent zero.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from grader import pipeline, scoring
from grader.assignment import Assignment, bundled
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.sandbox.supervisor import Sandbox
from grader.scoring import QuestionScore, Verdict
from grader.submission import Part, SubmittedParts

HEAD = "import math\nimport torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
ENTRY = "\ndef get_student_model():\n    return {made}\n"
CNN = """
self.cnn = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1),
                         nn.BatchNorm2d(32), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
self.fc = nn.Linear(32, 11)
"""
STEM = "self.stem = nn.Conv2d(3, 16, 3, 2, 1)\nself.fc = nn.Linear(16, 11)"
OUT = "return self.fc(self.cnn(x).flatten(1))"
POOLED = "return self.fc(F.relu(x).mean((2, 3)))"


@dataclass(frozen=True)
class Odd:
    """A model's source, the verdict that it earns, and a word of the reason where it is not confirmed."""

    source: str
    verdict: Verdict = Verdict.FULL
    reason: str = ""


def net(init: str, forward: str, *, before: str = "", made: str = "Net()", **facts: object) -> Odd:
    """A module with this constructor and this forward."""

    def body(text: str) -> str:
        return "\n".join("        " + line for line in text.strip().splitlines())

    source = f"{HEAD}{before}\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    source += f"{body(init)}\n    def forward(self, x):\n{body(forward)}\n{ENTRY.format(made=made)}"
    return Odd(source, **facts)  # type: ignore[arg-type]


REVIEW = Verdict.NEEDS_REVIEW
ZEROS = "\nnn.init.zeros_(self.fc.weight)\nnn.init.zeros_(self.fc.bias)"
HOLLOW = {"verdict": REVIEW, "reason": "the same for different pictures"}
"""What becomes of a model whose logits do not depend on the picture, whatever its weights are."""
_SWISH = """
class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)
    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return gradient * (s + x * s * (1 - s))
"""
MODELS: dict[str, Odd] = {
    "a branch on the batch size": net(CNN, f"if x.shape[0] > 1:\n    x = x * 1.0\n{OUT}"),
    "a branch on training": net(
        CNN + "\nself.drop = nn.Dropout(0.5)",
        "h = self.cnn(x).flatten(1)\nif self.training:\n    h = self.drop(h)\nreturn self.fc(h)",
    ),
    "a branch on the pixels": net(
        CNN, f"if x.max() > 100:\n    x = x / 255.0\n{OUT}", verdict=REVIEW, reason="data-dependent"
    ),
    "an assertion on the pixels": net(
        CNN, f"assert not torch.isnan(x).any()\n{OUT}", verdict=REVIEW, reason="data-dependent"
    ),
    "two outputs while it trains": net(
        CNN + "\nself.aux = nn.Linear(32, 11)",
        "h = self.cnn(x).flatten(1)\nreturn (self.fc(h), self.aux(h)) if self.training else self.fc(h)",
    ),
    "pictures normalised by torchvision": net(
        CNN + "\nself.norm = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])",
        "x = self.norm(x)\n" + OUT,
        before="from torchvision import transforms\n",
    ),
    "adaptive max pooling": net(
        "self.stem = nn.Conv2d(3, 16, 3, 2)\nself.pool = nn.AdaptiveMaxPool2d((5, 3))\nself.fc = nn.Linear(240, 11)",
        "return self.fc(self.pool(F.relu(self.stem(x))).flatten(1))",
    ),
    "randomised leaky ReLU": net(
        STEM + "\nself.act = nn.RReLU(0.1, 0.3, inplace=True)", "x = self.act(self.stem(x))\n" + POOLED
    ),
    "two outputs always": net(CNN, "h = self.cnn(x).flatten(1)\nreturn self.fc(h), h", verdict=Verdict.NONE),
    "only 224 pixels": net(
        "self.cnn = nn.Conv2d(3, 8, 16, 16)\nself.fc = nn.Linear(8 * 14 * 14, 11)",
        "return self.fc(F.relu(self.cnn(x)).view(x.size(0), -1))",
    ),
    "lazy layers": net(
        "self.cnn = nn.Sequential(nn.LazyConv2d(16, 3, 2), nn.LazyBatchNorm2d(), nn.AdaptiveAvgPool2d(1), "
        "nn.Flatten())\n"
        "self.fc = nn.LazyLinear(11)",
        "return self.fc(self.cnn(x))",
    ),
    "dropout that never stops": net(
        CNN, "return self.fc(F.dropout(self.cnn(x).flatten(1), 0.5))", verdict=REVIEW, reason="differently"
    ),
    "a loop over the batch": net(
        CNN, "return torch.cat([self.fc(self.cnn(x[i : i + 1]).flatten(1)) for i in range(x.shape[0])])",
    ),
    "a kernel for each picture": net(
        "self.k = nn.Parameter(torch.randn(4, 16, 3, 3, 3))\nself.route = nn.Linear(3, 4)\nself.fc = nn.Linear(16, 11)",
        "b, _, h, w = x.shape\nr = torch.sigmoid(self.route(x.mean((2, 3))))\n"
        "k = torch.einsum('bk,koihw->boihw', r, self.k).reshape(b * 16, 3, 3, 3)\n"
        "x = F.conv2d(x.reshape(1, b * 3, h, w), k, stride=2, groups=b)\n"
        "x = x.reshape(b, 16, *x.shape[2:])\n" + POOLED,
    ),
    "another layer for many pictures": net(
        CNN + "\nself.other = [nn.Linear(32, 11)]",
        f"if len(x) > 2:\n    return self.other[0](self.cnn(x).flatten(1))\n{OUT}",
        verdict=REVIEW, reason="one batch size",
    ),
    "another layer for many pictures, in a loop": net(
        CNN + "\nself.other = [nn.Linear(32, 11)]",
        "fc = self.other[0] if len(x) > 2 else self.fc\n"
        "return torch.cat([fc(self.cnn(x[i : i + 1]).flatten(1)) for i in range(len(x))])",
        verdict=REVIEW, reason="one batch size",
    ),
    "a last layer of zeros": net(CNN + ZEROS, OUT),
    "a last layer of zeros, data parallel": net(CNN + ZEROS, OUT, made="nn.DataParallel(Net())"),
    "a last layer of zeros in half precision": net(
        CNN + ZEROS + "\nself.half()", "return self.fc(self.cnn(x.half()).flatten(1)).float()"
    ),
    "a last convolution of zeros": net(
        "self.stem = nn.Conv2d(3, 16, 3, 2, 1)\nself.fc = nn.Conv2d(16, 11, 1)" + ZEROS,
        "return self.fc(F.relu(self.stem(x))).mean((2, 3))",
    ),
    "a gate that begins with zero": net(CNN + "\nself.gate = nn.Parameter(torch.zeros(1))", f"{OUT} * self.gate"),
    "a transformer with a head of zeros": net(
        "self.patch = nn.Conv2d(3, 32, 16, 16)\nself.layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)\n"
        "self.fc = nn.Linear(32, 11)" + ZEROS,
        "return self.fc(self.layer(self.patch(x).flatten(2).transpose(1, 2)).mean(1))",
    ),
    "logits times zero": net(CNN, f"{OUT} * 0", **HOLLOW),
    "logits times a buffer": net(CNN + "\nself.register_buffer('z', torch.zeros(1))", f"{OUT} * self.z", **HOLLOW),
    "a frozen last layer of zeros": net(CNN + ZEROS + "\nself.fc.requires_grad_(False)", OUT, **HOLLOW),
    "eleven learned numbers": net(
        "self.b = nn.Parameter(torch.randn(11))", "return self.b + 1e-12 * x.mean((1, 2, 3)).unsqueeze(1)", **HOLLOW
    ),
    "the network of a black picture": net(
        CNN, "return self.fc(self.cnn(torch.zeros_like(x)).flatten(1))", **HOLLOW
    ),
    "logits cut to one value": net(CNN, f"{OUT}.clamp(5, 5)", **HOLLOW),
    "a dead last activation": net(CNN, "return self.fc(F.relu(self.cnn(x).flatten(1) - 1e4))", **HOLLOW),
    "reshapes and einsum": net(
        "self.cnn = nn.Conv2d(3, 32, 16, 16)\nself.w = nn.Parameter(torch.randn(32, 11) * 0.1)",
        "x = self.cnn(x)\nb, c, h, w = x.size()\nx = x.permute(0, 2, 3, 1).reshape(b, h * w, c)\n"
        "return torch.einsum('bnc,ck->bnk', F.gelu(x), self.w).mean(1)",
    ),
    "attention": net(
        "self.patch = nn.Conv2d(3, 32, 16, 16)\nself.cls = nn.Parameter(torch.zeros(1, 1, 32))\n"
        "self.attention = nn.MultiheadAttention(32, 4, batch_first=True)\nself.fc = nn.Linear(32, 11)",
        "x = self.patch(x).flatten(2).transpose(1, 2)\nx = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1)\n"
        "return self.fc(self.attention(x, x, x, need_weights=False)[0][:, 0])",
    ),
    "a transformer layer": net(
        "self.patch = nn.Conv2d(3, 32, 16, 16)\nself.layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)\n"
        "self.fc = nn.Linear(32, 11)",
        "return self.fc(self.layer(self.patch(x).flatten(2).transpose(1, 2)).mean(1))",
    ),
    "weight norm": net(CNN + "\nself.fc = nn.utils.parametrizations.weight_norm(self.fc)", OUT),
    "spectral norm": net(CNN + "\nself.fc = nn.utils.parametrizations.spectral_norm(self.fc)", OUT),
    "a parametrization": net(
        CNN + "\nnn.utils.parametrize.register_parametrization(self.fc, 'weight', Halved())",
        OUT,
        before="class Halved(nn.Module):\n    def forward(self, w):\n        return w * 0.5 + 0.1\n",
    ),
    "shared layers and tied weights": net(
        STEM + "\nself.a = nn.Conv2d(16, 16, 1)\nself.b = nn.Conv2d(16, 16, 1)\nself.b.weight = self.a.weight",
        "x = F.relu(self.stem(x))\nfor _ in range(2):\n    x = F.relu(self.a(x))\nx = self.b(x)\n" + POOLED,
    ),
    "quantisation stubs": net(
        CNN + "\nself.q = torch.ao.quantization.QuantStub()\nself.d = torch.ao.quantization.DeQuantStub()",
        "return self.d(self.fc(self.cnn(self.q(x)).flatten(1)))",
    ),
    "scripted": net(CNN, OUT, made="torch.jit.script(Net())", verdict=REVIEW, reason="ScriptModule"),
    "compiled": net(CNN, OUT, made="torch.compile(Net(), mode='reduce-overhead')"),
    "data parallel": net(CNN, OUT, made="nn.DataParallel(Net())"),
    "hooks": net(
        CNN + "\nself.seen = None\nself.cnn.register_forward_hook(lambda m, i, o: setattr(self, 'seen', o))",
        "self.cnn(x)\nreturn self.fc(self.seen.flatten(1))",
    ),
    "in place": net(STEM, "x = self.stem(x).clone()\nx[:, :8] *= 0.5\nx += 1\nx.relu_()\n" + POOLED),
    "double precision": net(CNN, "return self.fc(self.cnn(x.double()).flatten(1))", made="Net().double()"),
    "half precision": net(CNN, "return self.fc(self.cnn(x.half()).flatten(1)).float()", made="Net().half()"),
    "autocast": net(
        CNN,
        "with torch.autocast('cpu', dtype=torch.bfloat16):\n    h = self.cnn(x)\nreturn self.fc(h.float().flatten(1))",
        verdict=REVIEW,
        reason="bfloat16",
    ),
    "interpolation": net(CNN, f"x = F.interpolate(x, size=(64, 64), mode='bilinear', align_corners=False)\n{OUT}"),
    "a gradient of its own": net(CNN, "return self.fc(Swish.apply(self.cnn(x)).flatten(1))", before=_SWISH),
    "checkpointing": net(
        CNN,
        "from torch.utils.checkpoint import checkpoint\n"
        "return self.fc(checkpoint(self.cnn, x, use_reentrant=False).flatten(1))",
    ),
    "a shufflenet": Odd(
        "import torchvision\ndef get_student_model():\n    return torchvision.models.ShuffleNetV2("
        "[2, 3, 2], [12, 24, 48, 96, 128], num_classes=11)\n"
    ),
    "a mobilenet": Odd(
        "from torchvision.models import MobileNetV2\ndef get_student_model():\n    return MobileNetV2(num_classes=11, "
        "width_mult=0.1, inverted_residual_setting=[[1, 8, 1, 1], [3, 16, 2, 2], [3, 24, 2, 2]], round_nearest=4)\n"
    ),
    "a recurrent network": net(
        "self.cnn = nn.Conv2d(3, 8, 16, 16)\nself.rnn = nn.LSTM(8 * 14, 32, batch_first=True)\n"
        "self.fc = nn.Linear(32, 11)",
        "return self.fc(self.rnn(self.cnn(x).permute(0, 2, 1, 3).flatten(2))[0][:, -1])",
    ),
    "other normalisations": net(
        STEM + "\nself.g = nn.GroupNorm(4, 16)\nself.i = nn.InstanceNorm2d(16, affine=True, track_running_stats=True)",
        "x = self.i(self.g(self.stem(x)))\n" + POOLED,
    ),
    "layers in a list": net(
        "self.layers = [nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU()]\nself.fc = nn.Linear(8, 11)",
        "for layer in self.layers:\n    x = layer(x)\n" + POOLED,
    ),
    "a fixed blur": net(
        STEM + "\nself.register_buffer('k', torch.ones(16, 1, 3, 3) / 9)",
        "x = F.conv2d(self.stem(x), self.k, stride=2, groups=16)\n" + POOLED,
    ),
    "a counter": net(CNN + "\nself.register_buffer('calls', torch.zeros(1))", f"self.calls += 1\n{OUT}"),
    "frozen layers": net(CNN + "\nself.cnn.requires_grad_(False)", OUT),
    "an unused layer": net(CNN + "\nself.unused = nn.Linear(100, 50)", OUT),
    "normalisation of its own": net(
        CNN, f"x = (x - torch.tensor([0.5, 0.4, 0.3]).view(1, 3, 1, 1)) / 0.2\n{OUT}"
    ),
    "numbers read while it runs": net(
        CNN + "\nself.t = nn.Parameter(torch.ones(1) * 2)", "return self.fc(self.cnn(x).flatten(1)) / self.t.item()"
    ),
}  # fmt: skip
SLICE = (
    "a branch on the pixels", "two outputs while it trains", "only 224 pixels", "dropout that never stops",
    "a loop over the batch", "pictures normalised by torchvision", "adaptive max pooling", "randomised leaky ReLU",
    "attention", "scripted", "compiled", "double precision", "half precision", "autocast",
    "a shufflenet", "a kernel for each picture", "another layer for many pictures, in a loop", "a last layer of zeros",
    "a last layer of zeros in half precision", "logits times a buffer", "a frozen last layer of zeros",
)  # fmt: skip
"""The models that the tests grade on every run: those that need care of ours, or end otherwise."""


def grade(name: str, assignment: Assignment, sandbox: Sandbox) -> tuple[ArchitectureEvidence, QuestionScore]:
    """The evidence of question 1.1 and its points."""
    grading = pipeline.run_first_stage(
        assignment, SubmittedParts({"model": Part(MODELS[name].source.encode())}), sandbox
    )
    evidence = grading.evidence["1.1"]
    assert isinstance(evidence, ArchitectureEvidence)
    return evidence, scoring.score(assignment, "1.1", evidence)


def main() -> int:
    """Grade all of them, a line each; the exit code counts those that end otherwise than expected."""
    wrong = 0
    with Sandbox() as sandbox:
        for name, odd in MODELS.items():
            evidence, score = grade(name, bundled("hw13"), sandbox)
            good = score.verdict is odd.verdict and odd.reason in (evidence.unverified_reason or "")
            wrong += not good
            told = evidence.unverified_reason or " ".join(note.id for note in score.messages)
            sign = "ok   " if good else "WRONG"
            sys.stdout.write(f"{sign} {name}: {score.verdict}, {evidence.parameters} parameters; {told[:160]}\n")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
