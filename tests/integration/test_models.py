"""Question 1.1 through the engine and the real sandbox: honest models, wrong ones, and models that lie."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from grader import messages, pipeline, scoring
from grader.assignment import Assignment
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.summary.evidence import SummaryEvidence
from grader.evidence import Outcome
from grader.sandbox.policy import default
from grader.sandbox.supervisor import Sandbox
from grader.scoring import QuestionScore, Verdict
from grader.submission import Part, SubmittedParts
from tests import slices

LIMITS = {"cpu_seconds": 6, "wall_seconds": 20, "memory_mb": 700}
LOW_LIMITS = {**LIMITS, "cpu_seconds": 2, "wall_seconds": 6}
"""For what runs into its limits, whatever they are."""

HEAD = """
import torch, torch.nn as nn, torch.nn.functional as F
class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        layers = nn.Conv2d(3, 8, 3, stride=4), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(8, 11)
    def forward(self, x):
        return self.head(torch.flatten(self.features(x), 1))
"""
TWO_CLASSES = HEAD.replace("StudentNet", "NetA") + HEAD.replace("StudentNet", "NetB")
"""No entry point, and nothing that is plainly the model."""
GOOD = HEAD + "def get_student_model():\n    return StudentNet()\n"


@dataclasses.dataclass
class Graded:
    evidence: ArchitectureEvidence
    score: QuestionScore
    artefacts: list[bytes]

    @property
    def ids(self) -> list[str]:
        return [message.id for message in self.score.messages]


class Listener:
    """Keeps what the pipeline tells."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, Any]] = []
        self.artefacts: list[bytes] = []

    def progress(self, stage: str, done: int, total: int) -> None:
        assert 0 <= done <= total

    def question(self, number: str, evidence: Any) -> None:
        self.steps.append((number, evidence))

    def interim(self, number: str, fields: Mapping[str, Any]) -> None:
        raise AssertionError("nothing is measured that takes long")

    def picture(self, data: bytes) -> None:
        raise AssertionError("no picture was handed in")

    def artefact(self, data: bytes) -> None:
        self.artefacts.append(data)

    def commit(self) -> None:
        """Every step counts."""


def grade(
    assignment: Assignment, sandbox: Sandbox, source: str, limits: Mapping[str, int] = LIMITS, **parts: str
) -> tuple[Graded, Listener]:
    small = assignment.model_copy(update={"sandbox": limits})
    files = {name: Part(text.encode()) for name, text in {"model": source, **parts}.items()}
    listener = Listener()
    grading = pipeline.grade(small, SubmittedParts(files), sandbox, listener)
    evidence = grading.evidence["1.1"]
    assert isinstance(evidence, ArchitectureEvidence)
    return Graded(evidence, scoring.score(assignment, "1.1", evidence), listener.artefacts), listener


def test_honest_model_is_confirmed_and_full(hw13: Assignment, sandbox: Sandbox) -> None:
    graded, listener = grade(hw13, sandbox, GOOD)
    assert graded.score.verdict is Verdict.FULL
    assert graded.evidence.verified
    assert (graded.evidence.parameters, graded.evidence.hidden_numbers) == (8 * 27 + 8 + 16 + 99, 0)
    assert graded.evidence.output_shape == (1, 11)
    assert graded.evidence.mult_adds
    assert [row.type for row in graded.evidence.layers if row.leaf][:2] == ["Conv2d", "BatchNorm2d"]
    assert len(graded.artefacts) == 1
    # The first answer comes before the export, and is provisional.
    first = next(evidence for number, evidence in listener.steps if number == "1.1")
    assert scoring.score(hw13, "1.1", first).verdict is Verdict.NEEDS_REVIEW


@pytest.mark.parametrize(("bias", "verdict"), [(0, Verdict.FULL), (1, Verdict.NONE)])
def test_one_hundred_thousand_parameters_pass_and_one_more_does_not(
    hw13: Assignment, sandbox: Sandbox, bias: int, verdict: Verdict
) -> None:
    source = f"""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 11)
        self.rest = nn.Parameter(torch.zeros({100_000 - 44 + bias}))
    def forward(self, x):
        return self.head(x.mean((2, 3))) + self.rest.sum()
def get_student_model():
    return Net()
"""
    graded, _ = grade(hw13, sandbox, source)
    assert graded.evidence.parameters == 100_000 + bias
    assert graded.score.verdict is verdict
    if bias:
        assert "model.too_many_parameters" in graded.ids


RETURN = "return self.head(torch.flatten(self.features(x), 1))"
BUILD = "return StudentNet()"


def changed(old: str, new: str) -> str:
    """The good model with one thing replaced."""
    assert old in GOOD
    return GOOD.replace(old, new)


NONE, REVIEW = Verdict.NONE, Verdict.NEEDS_REVIEW
WRONG: dict[str, tuple[str, Outcome, str, Verdict]] = {
    "syntax error": ("def get_student_model(:\n    pass\n", Outcome.ERROR, "code.", NONE),
    "no entry point": ("WIDTH = 8\n", Outcome.ERROR, "model.no_entry_point", NONE),
    "two that could be meant": (TWO_CLASSES, Outcome.ERROR, "intake.stand_in_unclear", REVIEW),
    "not a module": (changed(BUILD, "return 7"), Outcome.ERROR, "model.not_a_module", NONE),
    "exception in init": (changed(BUILD, "raise ValueError('no luck')"), Outcome.ERROR, "code.error.build", NONE),
    "exception in forward": (changed(RETURN, "return self.head(x)"), Outcome.ERROR, "code.error.forward", NONE),
    "wrong number of classes": (changed("8, 11", "8, 10"), Outcome.OK, "model.output_shape", NONE),
    "a tuple": (changed(RETURN, f"{RETURN}, x"), Outcome.OK, "model.output_not_tensor", NONE),
    "not a number": (changed(RETURN, f"{RETURN} * float('nan')"), Outcome.OK, "model.output_not_finite", NONE),
    "no gradient": (changed(RETURN, f"{RETURN}.detach()"), Outcome.OK, "model.no_gradient", NONE),
    "endless loop": (changed(BUILD, "while True: pass"), Outcome.TIMEOUT, "code.timeout", NONE),
    "sleeps": (changed(BUILD, "import time; time.sleep(1000)"), Outcome.TIMEOUT, "code.timeout", NONE),
    "memory bomb": (
        changed(BUILD, "return [torch.ones(1 << 28) for _ in range(99)]"),
        Outcome.MEMORY,
        "code.memory",
        NONE,
    ),
    "missing helper": (changed("nn.Conv2d", "dwise_conv2d"), Outcome.ERROR, "code.missing_name", REVIEW),
    "dies": (changed(BUILD, "import os; os._exit(0)"), Outcome.DIED, "code.died", NONE),
}


@pytest.mark.parametrize("case", slices.all_but(WRONG, "sleeps"))
def test_wrong_model_is_told_what_is_wrong(hw13: Assignment, sandbox: Sandbox, case: str) -> None:
    source, outcome, message, verdict = WRONG[case]
    graded, _ = grade(hw13, sandbox, source, LOW_LIMITS if outcome is Outcome.TIMEOUT else LIMITS)
    assert (graded.evidence.outcome, graded.score.verdict) == (outcome, verdict), graded
    assert graded.score.score == 0
    assert any(found.startswith(message) for found in graded.ids), graded.ids
    if outcome not in (Outcome.OK, Outcome.ERROR):
        # The next hand-in is graded as if nothing had happened.
        assert grade(hw13, sandbox, GOOD)[0].score.verdict is Verdict.FULL


@pytest.mark.parametrize(
    "entry",
    slices.every(3, ["StudentNet().cuda()", "StudentNet().to('cuda:0')", "StudentNet().to(torch.device('cuda'))"]),
)
def test_code_for_a_gpu_is_graded_on_the_cpu(hw13: Assignment, sandbox: Sandbox, entry: str) -> None:
    source = changed(BUILD, f"return {entry}").replace("return self.head(", "x = x.cuda(); return self.head(")
    graded, _ = grade(hw13, sandbox, source)
    assert graded.score.verdict is Verdict.FULL, graded


def test_summary_without_a_running_model_waits_for_a_person(hw13: Assignment, sandbox: Sandbox) -> None:
    _, listener = grade(hw13, sandbox, TWO_CLASSES, summary="Total params: 323")
    evidence = next(evidence for number, evidence in listener.steps if number == "1.2")
    assert isinstance(evidence, SummaryEvidence)
    assert scoring.score(hw13, "1.2", evidence).verdict is Verdict.NEEDS_REVIEW


def test_summary_lists_a_layer_that_only_training_calls(hw13: Assignment, sandbox: Sandbox) -> None:
    """torchinfo without an input size prints every layer that the module knows."""
    both = "return (self.head(h), self.aux(h)) if self.training else self.head(h)"
    source = changed(RETURN, f"h = torch.flatten(self.features(x), 1)\n        {both}")
    source = source.replace("self.head = nn", "self.aux = nn.Linear(8, 11)\n        self.head = nn")
    pasted = """
StudentNet                               --
├─Sequential: 1-1                        --
│    └─Conv2d: 2-1                       224
│    └─BatchNorm2d: 2-2                  16
├─Linear: 1-2                            99
├─Linear: 1-3                            {aux}
Total params: 438
"""
    for aux, points in ((99, 0.5), (88, 0.25)):
        _, listener = grade(hw13, sandbox, source, summary=pasted.format(aux=aux))
        evidence = [evidence for number, evidence in listener.steps if number == "1.2"][-1]
        assert scoring.score(hw13, "1.2", evidence).score == points, evidence


# -- models that lie ------------------------------------------------------------------------------------------------

BIG = """
class Big(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Linear(3, 30_000), nn.ReLU(), nn.Linear(30_000, 11))
    def forward(self, x):
        return self.head(x.mean((2, 3)))
"""
LIES = {
    "numel says less": BIG + """
def get_student_model():
    torch.Tensor.numel = lambda self: 7
    nn.Parameter.numel = lambda self: 7
    return Big()
""",
    "parameters are hidden from the module": BIG + """
class Quiet(Big):
    def parameters(self, recurse=True):
        return iter([])
    def named_parameters(self, *args, **kwargs):
        return iter([])
    def state_dict(self, *args, **kwargs):
        return {}
def get_student_model():
    return Quiet()
""",
    "the network hangs in a closure": BIG + """
big = Big()
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
    def forward(self, x):
        return big(x) * self.scale
def get_student_model():
    return Small()
""",
    "numbers in a buffer": """
class Buffered(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("table", torch.randn(150_528, 11) * 0.01)
    def forward(self, x):
        return x.flatten(1) @ self.table * self.scale
def get_student_model():
    return Buffered()
""",
    "the count is patched": BIG + """
def get_student_model():
    from grader.sandbox.harness import model
    real = model.count
    def count(place):
        answer, arrays = real(place)
        return {**answer, "parameters": 900, "trainable": 900, "hidden_numbers": 0, "hidden": []}, arrays
    model.count = count
    return Big()
""",
}  # fmt: skip


@pytest.mark.parametrize("lie", slices.every(2, LIES))
def test_hidden_numbers_earn_nothing(hw13: Assignment, sandbox: Sandbox, lie: str) -> None:
    graded, _ = grade(hw13, sandbox, LIES[lie])
    assert graded.score.score == 0, graded
    assert {"model.too_many_parameters", "model.hidden_numbers"} & set(graded.ids), (graded.ids, graded.evidence)


@pytest.mark.parametrize("kept", ["[nn.Conv2d(3, 8, 3, stride=4)]", "{0: nn.Conv2d(3, 8, 3, stride=4)}"])
def test_layers_that_the_module_does_not_know_are_counted_and_named(
    hw13: Assignment, sandbox: Sandbox, kept: str
) -> None:
    source = f"""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = {kept}
        self.teacher = [nn.Linear(1000, 1000)]
        self.head = nn.Linear(8, 11)
        self.register_buffer("scale", torch.ones(8))
    def forward(self, x):
        return self.head(self.convs[0](x).mean((2, 3)) * self.scale)
def get_student_model():
    return Net()
"""
    graded, _ = grade(hw13, sandbox, source)
    assert graded.evidence.unregistered == 8 * 27 + 8 + 1000 * 1001
    assert "convs.0.weight" in graded.evidence.unregistered_tensors
    assert (graded.score.verdict, graded.ids) == (Verdict.FULL, ["model.ok", "model.unregistered"])


BATCH_OF_ONE = {
    "squeezed": ("self.head(self.features(x).squeeze())", Outcome.OK, "(11)"),
    "squeezed, then along the classes": (
        "F.log_softmax(self.head(self.features(x).squeeze()), dim=1)",
        Outcome.ERROR,
        "IndexError",
    ),
}


@pytest.mark.parametrize("case", BATCH_OF_ONE)
def test_model_that_fails_for_a_single_picture_alone_waits_for_a_person(
    hw13: Assignment, sandbox: Sandbox, case: str
) -> None:
    answer, outcome, shown = BATCH_OF_ONE[case]
    graded, _ = grade(hw13, sandbox, changed(RETURN, f"return {answer}"))
    assert (graded.evidence.outcome, graded.score.verdict, graded.score.score) == (outcome, REVIEW, 0)
    assert graded.ids[0] == "model.batch_of_one"
    assert "squeeze()" in messages.render(graded.score.messages[0])
    assert any(shown in messages.render(note) for note in graded.score.messages)


def test_model_that_fails_for_a_single_picture_and_cannot_learn_earns_nothing(
    hw13: Assignment, sandbox: Sandbox
) -> None:
    graded, _ = grade(hw13, sandbox, changed(RETURN, "return self.head(self.features(x).squeeze()).detach()"))
    assert (graded.score.verdict, graded.ids[0]) == (NONE, "model.no_gradient")


@pytest.mark.parametrize(
    "patch",
    [
        "export.onnx_bytes = lambda model, shape, dynamic: real(StudentNet(), shape, dynamic=dynamic)",
        "export.onnx_bytes = lambda model, shape, dynamic: b'nonsense'",
        "export.onnx_bytes = lambda model, shape, dynamic: 1 / 0",
    ],
    ids=["another network", "no network", "no export"],
)
def test_forged_export_is_never_points(hw13: Assignment, sandbox: Sandbox, patch: str) -> None:
    source = f"""{HEAD}{BIG}
def get_student_model():
    from grader.sandbox.harness import export, model
    real, counted = export.onnx_bytes, model.count
    def count(place):
        answer, arrays = counted(place)
        return {{**answer, "parameters": 500, "trainable": 500, "hidden_numbers": 0, "hidden": []}}, arrays
    model.count = count
    {patch}
    return Big()
"""
    graded, _ = grade(hw13, sandbox, source)
    assert graded.score.score == 0
    assert graded.score.verdict is Verdict.NEEDS_REVIEW
    assert not graded.evidence.verified
    assert graded.evidence.unverified_reason


GRAPH = """
import onnx
from onnx import TensorProto as T, helper as h
def graph(nodes, numbers=(), **more):
    shape = [h.make_tensor_value_info("images", T.FLOAT, ["n", 3, 224, 224])]
    out = [h.make_tensor_value_info("logits", T.FLOAT, ["n", 11])]
    made = h.make_graph(nodes, "g", shape, out, list(numbers))
    return h.make_model(made, opset_imports=[h.make_opsetid("", 18)], ir_version=9).SerializeToString()
whole = lambda name, values: h.make_tensor(name, T.INT64, [len(values)], values)
"""
FORGED = {
    "needs 40 GB": (
        "graph([h.make_node('ReduceMean', ['images', 'axes'], ['m'], keepdims=1),"
        " h.make_node('Expand', ['m', 'huge'], ['e']), h.make_node('Exp', ['e'], ['f']),"
        " h.make_node('ReduceMean', ['f', 'axes'], ['logits'], keepdims=0)],"
        " [whole('axes', [1, 2, 3]), whole('huge', [1, 100, 10000, 10000])])",
        "memory",
    ),
    "a loop": (
        "graph([h.make_node('Loop', ['n', 'go', 'images'], ['logits'], body=h.make_graph("
        "[h.make_node('Identity', ['c'], ['c2']), h.make_node('Identity', ['x'], ['x2'])], 'b',"
        " [h.make_tensor_value_info('i', T.INT64, []), h.make_tensor_value_info('c', T.BOOL, []),"
        " h.make_tensor_value_info('x', T.FLOAT, None)],"
        " [h.make_tensor_value_info('c2', T.BOOL, []), h.make_tensor_value_info('x2', T.FLOAT, None)]))],"
        " [h.make_tensor('n', T.INT64, [], [1 << 60]), h.make_tensor('go', T.BOOL, [], [True])])",
        "operator",
    ),
    "a circle": (
        "graph([h.make_node('Add', ['images', 'b'], ['a']), h.make_node('Relu', ['a'], ['b']),"
        " h.make_node('Identity', ['b'], ['logits'])])",
        "no valid ONNX model",
    ),
    "other answers": (
        "graph([h.make_node('ReduceMean', ['images', 'axes'], ['m'], keepdims=1),"
        " h.make_node('Reshape', ['m', 's'], ['r']), h.make_node('Expand', ['r', 'w'], ['logits'])],"
        " [whole('axes', [1, 2, 3]), whole('s', [-1, 1]), whole('w', [1, 11])])",
        "differently",
    ),
}


@pytest.mark.parametrize("forged", slices.every(2, FORGED))
def test_artefact_that_lies_or_bursts_is_refused_with_its_reason(
    hw13: Assignment, sandbox: Sandbox, forged: str
) -> None:
    made, reason = FORGED[forged]
    export = f"from grader.sandbox.harness import export\n    forged = {made}\n"
    replace = "    export.onnx_bytes = lambda model, shape, dynamic: forged\n    return StudentNet()"
    graded, _ = grade(hw13, sandbox, GRAPH + changed(BUILD, export + replace))
    assert (graded.score.verdict, graded.score.score) == (Verdict.NEEDS_REVIEW, 0), graded.evidence
    assert not graded.evidence.verified
    assert reason in (graded.evidence.unverified_reason or "")


SLOW = """graph(
        [h.make_node('Concat', ['images'] * 8, ['x0'], axis=1)]
        + [h.make_node('Conv', [f'x{i}', 'w'], [f'x{i + 1}'], pads=[6] * 4) for i in range(300)]
        + [h.make_node('ReduceMean', ['x300', 'axes'], ['m'], keepdims=0),
           h.make_node('MatMul', ['m', 'v'], ['logits'])],
        [h.make_tensor('w', T.FLOAT, [24, 24, 13, 13], [1e-4] * (24 * 24 * 169)),
         h.make_tensor('v', T.FLOAT, [24, 11], [0.0] * (24 * 11)), whole('axes', [2, 3])])"""
"""300 convolutions with one weight: 1.5 T multiply-adds for a picture, in an artefact below the limit."""


@pytest.mark.thorough
def test_small_artefact_that_is_slow_to_run_ends_at_the_limits_of_the_first_stage(
    hw13: Assignment, sandbox: Sandbox
) -> None:
    export = f"from grader.sandbox.harness import export\n    forged = {SLOW}\n"
    replace = "    export.onnx_bytes = lambda model, shape, dynamic: forged\n    return StudentNet()"
    source = GRAPH + changed(BUILD, export + replace)
    graded, _ = grade(hw13, sandbox, source, LIMITS, answers='{"3.2": "no"}')
    assert (graded.score.verdict, graded.score.score) == (Verdict.NEEDS_REVIEW, 0), graded.evidence
    assert graded.evidence.verification == "over_limit"
    limit = graded.evidence.verification_limit
    assert limit is not None
    assert limit.allowed in (LIMITS["cpu_seconds"], LIMITS["wall_seconds"])
    assert "model.unverified.over_limit" in graded.ids


def test_summary_of_another_model_is_never_confirmed(hw13: Assignment, sandbox: Sandbox) -> None:
    source = changed(
        BUILD,
        "from grader.sandbox.harness import model\n"
        "    counted = model.count\n"
        "    def count(place):\n"
        "        answer, arrays = counted(place)\n"
        "        return {**answer, 'parameters': 50_000}, arrays\n"
        "    model.count = count\n"
        "    return StudentNet()",
    )
    _, listener = grade(hw13, sandbox, source, summary="Total params: 50,000")
    last = [evidence for number, evidence in listener.steps if number == "1.2"][-1]
    assert isinstance(last, SummaryEvidence)
    assert scoring.score(hw13, "1.2", last).verdict is Verdict.NEEDS_REVIEW


def test_model_that_changes_after_the_export_disagrees(hw13: Assignment, sandbox: Sandbox) -> None:
    source = GOOD.replace(
        "return self.head(torch.flatten(self.features(x), 1))",
        "self.calls = getattr(self, 'calls', 0) + (not torch.compiler.is_exporting())\n"
        "        y = self.head(torch.flatten(self.features(x), 1))\n"
        "        return y if self.calls < 5 else y + 1",
    )
    graded, _ = grade(hw13, sandbox, source)
    assert graded.score.score == 0
    assert graded.score.verdict is Verdict.NEEDS_REVIEW


def test_export_that_fails_waits_for_a_person(hw13: Assignment, sandbox: Sandbox) -> None:
    source = GOOD.replace("return self.head(", "if x.sum() > 1e9: x = x * 2\n        return self.head(")
    graded, _ = grade(hw13, sandbox, source)
    assert (graded.score.verdict, graded.score.score) == (Verdict.NEEDS_REVIEW, 0)
    assert graded.evidence.verification == "no_artefact"


def test_small_constants_harm_nobody(hw13: Assignment, sandbox: Sandbox) -> None:
    source = GOOD.replace(
        "return self.head(", "x = (x - torch.tensor([0.5, 0.4, 0.3]).view(1, 3, 1, 1)) / 0.2\n        return self.head("
    )
    graded, _ = grade(hw13, sandbox, source)
    assert graded.score.verdict is Verdict.FULL
    assert 0 < (graded.evidence.hidden_numbers or 0) < 20


def test_limits_of_the_assignment_hold(sandbox: Sandbox) -> None:
    """An assignment's own limits reach the child (the tests above rely on it)."""
    with sandbox.child(default().limits.override({"memory_mb": 64})) as child:
        reply = child.request(
            "load", {"source": "import numpy\nx = numpy.ones(1 << 25)", "prelude": "", "filename": "model.py"}
        )
    assert reply.outcome is Outcome.MEMORY
    assert np.isclose(reply.limit.allowed if reply.limit else 0, 64)


BESIDE = """
class Big(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, {width})
    def forward(self, x):
        return self.fc(x.mean((2, 3)))[:, :11]
BIG = [Big(), Big()]
"""


@pytest.mark.parametrize(("width", "verdict"), [(20_000, Verdict.NEEDS_REVIEW), (400, Verdict.FULL)])
@pytest.mark.parametrize("branch", ["x.is_cuda", "CALLS.append(0) or len(CALLS) > 20"])
def test_large_modules_for_a_case_that_no_examination_meets_are_reported(
    hw13: Assignment, sandbox: Sandbox, branch: str, width: int, verdict: Verdict
) -> None:
    beside = BESIDE.format(width=width) + "CALLS = []\n"
    use = f"if not torch.compiler.is_exporting() and ({branch}):\n            return BIG[0](x)\n        {RETURN}"
    source = (
        "import torch\nimport torch.nn as nn\n"
        + beside
        + changed(RETURN, use)
        + "copies = [StudentNet(), StudentNet()]\n"
    )
    graded, _ = grade(hw13, sandbox, source)
    assert graded.evidence.verified
    assert (graded.score.verdict, graded.score.score) == (verdict, 0.5), graded
    assert ("model.other_modules" in graded.ids) == (verdict is Verdict.NEEDS_REVIEW)
