"""Honest work as people really write and paste it, through the engine and the real sandbox: verdict and messages."""

from __future__ import annotations

import pytest

from grader import pipeline, scoring
from grader.assignment import Assignment
from grader.sandbox.supervisor import Sandbox
from grader.scoring import QuestionScore
from grader.submission import Part, SubmittedParts

LIMITS = {"cpu_seconds": 6, "wall_seconds": 30, "memory_mb": 700}
BODY = """
    soft = F.kl_div(F.log_softmax(student / T, dim=1), F.softmax(teacher / T, dim=1), reduction="batchmean")
    return alpha * T * T * soft + (1 - alpha) * F.cross_entropy(student, labels)
"""
LOSSES = {
    "class under another name": """
class KnowledgeDistillationLoss(nn.Module):
    def __init__(self, alpha=0.5, T=1.0):
        super().__init__()
        self.alpha, self.T = alpha, T
    def forward(self, student, labels, teacher):
        alpha, T = self.alpha, self.T
    """
    + BODY.replace("\n", "\n    "),
    "function under another name with helpers": "def scale(T):\n    return T\ndef kd_loss(student, labels, teacher, "
    "alpha=0.5, T=1.0):\n    T = scale(T)" + BODY,
    "params of the tutorial": "def loss_fn_kd(student, labels, teacher, params):\n    alpha, T = params.alpha, "
    'params["temperature"]' + BODY,
    "scripted": "@torch.jit.script\ndef loss_fn_kd(student, labels, teacher, alpha: float = 0.5, T: float = 1.0):"
    + BODY.replace("F.", "torch.nn.functional.").replace("torch.nn.functional.softmax(", "torch.softmax("),
    "wrapped by keywords": "def timed(f):\n    def inner(**kwargs):\n        return f(kwargs['student_logits'], "
    "kwargs['labels'], kwargs['teacher_logits'], kwargs['alpha'], kwargs['temperature'])\n    return inner\n@timed\n"
    "def loss_fn_kd(student, labels, teacher, alpha, T):" + BODY,
    "old cuda tensors": "def loss_fn_kd(student, labels, teacher, alpha, T):\n    labels = labels.cuda()\n    "
    "student = student + torch.cuda.FloatTensor(1).fill_(0)" + BODY,
    "quoted in a mail": "".join(
        f"> {line}\n" for line in f"def loss_fn_kd(student, labels, teacher, alpha, T):{BODY}".split("\n")
    ),
    "pasted twice": 2 * f"def loss_fn_kd(student, labels, teacher, alpha, T):{BODY}".rstrip(),
}
NET = """
class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(dwpw_conv(3, 8, 3, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(8, 11)
    def forward(self, x):
        return self.fc(self.cnn(x))
"""
GET = "def get_student_model():\n    return StudentNet()\n"


def grade(assignment: Assignment, sandbox: Sandbox, part: str, source: str) -> QuestionScore:
    small = assignment.model_copy(update={"sandbox": LIMITS})
    grading = pipeline.grade(small, SubmittedParts({part: Part(source.encode())}), sandbox)
    number = {"model": "1.1", "loss": "2.1"}[part]
    return scoring.score(assignment, number, grading.evidence[number])


def ids(result: QuestionScore) -> list[str]:
    return [message.id for message in result.messages]


@pytest.mark.parametrize("style", LOSSES)
def test_right_loss_earns_everything(style: str, hw13: Assignment, sandbox: Sandbox) -> None:
    result = grade(hw13, sandbox, "loss", LOSSES[style])
    assert (result.score, result.verdict) == (0.5, "full"), result.messages
    assert "kd.called" in ids(result)


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        (NET + "get_student_model = StudentNet()\n", "full"),
        (NET + "model = StudentNet()\ndef get_student_model():\n    return model\n", "full"),
        (NET + GET.replace("return", "from torchsummary import summary\n    summary(StudentNet(), (3, 9))\n    return"),
         "full"),
        (NET.replace("_", "\\_") + GET, "full"),
        (NET + "student = StudentNet().to(device)\n", "needs_review"),
    ],
)  # fmt: skip
def test_model_earns_its_points(source: str, verdict: str, hw13: Assignment, sandbox: Sandbox) -> None:
    result = grade(hw13, sandbox, "model", source)
    assert (result.score, result.verdict) == (0.5 if verdict == "full" else 0.0, verdict), result.messages
    assert ("intake.stand_in" in ids(result)) == (verdict == "needs_review")


@pytest.mark.parametrize(
    ("source", "first"),
    [
        (NET.replace("8, 11", "8, cfg['classes'] + 1") + GET, "intake.settings_missing"),
        (NET.replace("8, 11", "8, cfg['classes']") + GET, "intake.settings_decide"),
        ("import timm\n" + GET.replace("StudentNet()", "timm.create_model('x')"), "intake.module_unavailable"),
        (NET + GET.replace("return", "torch.load('student.ckpt')\n    return"), "code.file_missing"),
        (NET.replace("__init__", "init") + GET, "intake.damage_suspected"),
    ],
)
def test_what_is_no_mistake_of_the_code_goes_to_a_person(
    source: str, first: str, hw13: Assignment, sandbox: Sandbox
) -> None:
    result = grade(hw13, sandbox, "model", source)
    assert (result.score, result.verdict) == (0, "needs_review")
    assert ids(result)[0] == first
    assert any(told.startswith("code.error.") for told in ids(result))


def test_configuration_that_is_not_missed_is_not_told(hw13: Assignment, sandbox: Sandbox) -> None:
    result = grade(hw13, sandbox, "model", NET.replace("8, 11", "8, cfg['classes'] or 11") + GET)
    assert ids(result) == ["model.ok"]


def test_package_that_was_found_is_not_called_missing(hw13: Assignment, sandbox: Sandbox) -> None:
    source = "import yaml\nwidth = yaml.safe_load('8')\n" + NET.replace("3, 8", "3, width") + GET
    assert ids(grade(hw13, sandbox, "model", source)) == ["model.ok"]


@pytest.mark.parametrize("call", ["parse_args()", "parse_known_args()[0]"])
def test_command_line_is_empty(call: str, hw13: Assignment, sandbox: Sandbox) -> None:
    parser = "import argparse, sys\ndef read():\n    parser = argparse.ArgumentParser()\n"
    parser += f"    parser.add_argument('--width', type=int, default=8)\n    return parser.{call}\n"
    source = parser + "width = read().width + len(sys.argv) - 1\n" + NET.replace("3, 8", "3, width") + GET
    assert ids(grade(hw13, sandbox, "model", source)) == ["model.ok"]


SEQUENTIAL = """
student = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
{}
def get_student_model():
    return student
"""


@pytest.mark.parametrize(
    ("statement", "points", "verdict", "first"),
    [
        ("student.append(nn.Linear(8, 8)).append(nn.Linear(8, 11))", 0.5, "full", "model.ok"),
        ("def add(net):\n    net.append(nn.Linear(8, 11))\nadd(student)", 0.5, "full", "model.ok"),
        # what it needs is not there: never a plain zero, and never full points for another model
        ("add_head(student)", 0, "needs_review", "intake.change_dropped"),
        ("student.append(nn.Linear(8, 11))\nadd_layers(student)", 0.5, "needs_review", "intake.change_dropped"),
        ("student.append(nn.Linear(8, 11))\nstudent.register_module('x', eval('7'))", 0.5, "needs_review",
         "intake.change_dropped"),
        # training: the architecture is there without it, or it is not
        ("student.append(nn.Linear(8, 11))\nfor x in loader:\n    student.extra(x)\n    student(x).backward()", 0.5,
         "full", "model.ok"),
        ("for x in loader:\n    student.append(x)\n    student(x).backward()", 0, "needs_review",
         "intake.training_dropped"),
    ],
)  # fmt: skip
def test_top_level_statement_that_changes_the_model(
    statement: str, points: float, verdict: str, first: str, hw13: Assignment, sandbox: Sandbox
) -> None:
    result = grade(hw13, sandbox, "model", SEQUENTIAL.format(statement))
    assert (result.score, result.verdict, ids(result)[0]) == (points, verdict, first), result.messages


def test_summary_of_a_model_that_is_changed_by_what_is_missing(hw13: Assignment, sandbox: Sandbox) -> None:
    parts = {"model": SEQUENTIAL.format("add_head(student)"), "summary": "Total params: 323\nTrainable params: 323\n"}
    small = hw13.model_copy(update={"sandbox": LIMITS})
    grading = pipeline.run_first_stage(
        small, SubmittedParts({name: Part(text.encode()) for name, text in parts.items()}), sandbox
    )
    result = scoring.score(hw13, "1.2", grading.evidence["1.2"])
    assert (result.verdict, ids(result)[0]) == ("needs_review", "intake.change_dropped")


def test_model_and_loss_in_each_others_field_are_found(hw13: Assignment, sandbox: Sandbox) -> None:
    loss = "def loss_fn_kd(student, labels, teacher, alpha, T):" + BODY
    parts = {"model": Part(loss.encode()), "loss": Part((NET + GET).encode())}
    grading = pipeline.run_first_stage(hw13, SubmittedParts(parts), sandbox)
    for number in ("1.1", "2.1"):
        assert scoring.score(hw13, number, grading.evidence[number]).verdict == "full"
