"""A single definition that is clearly meant as the missing entry point stands in for it."""

from __future__ import annotations

import ast

import pytest

from grader.intake import EntryKind, stand_in
from tests.unit.intake.paste import LOSS, MODEL, note_ids, read_text

HELPERS = """
def soften(x, T):
    return F.softmax(x / T, dim=1)
def hard_loss(x, y):
    return F.cross_entropy(x, y)
"""
USES = LOSS.replace("def loss_fn_kd", "def {}").replace("F.cross_entropy(", "hard_loss(")
CLASS = """
class {}(nn.Module):
    def __init__(self, alpha=0.5, T=1.0):
        super().__init__()
    def forward(self, student, labels, teacher):
        return nn.KLDivLoss()(student, teacher)
"""
NET = "class {}(nn.Module):\n    def __init__(self{}):\n        pass\n    def forward(self, x):\n        return x\n"
MAIN = "if __name__ == '__main__':\n    {}\n"
TRAINING = "def train(model, loader, teacher):\n    return F.cross_entropy(model(loader), teacher)\n"


def stand_in_of(text: str, entry: str, kind: EntryKind = EntryKind.FUNCTION) -> str | None:
    return stand_in.find(ast.parse(text), entry, kind).expression or None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (LOSS.replace("loss_fn_kd", "kd_loss"), "kd_loss"),
        (LOSS.replace("loss_fn_kd", "Loss_Fn_KD"), "Loss_Fn_KD"),
        (HELPERS + USES.format("distillation_loss"), "distillation_loss"),
        (CLASS.format("KnowledgeDistillationLoss"), "KnowledgeDistillationLoss"),
        (MODEL + CLASS.format("Criterion"), "Criterion"),
        (LOSS.replace("loss_fn_kd", "kd_loss") + LOSS.replace("loss_fn_kd", "kd_loss"), "kd_loss"),
        (LOSS.replace("loss_fn_kd", "kd_a") + LOSS.replace("loss_fn_kd", "kd_b"), None),
        (HELPERS, None),
        (MODEL, None),
        ("def kd(student, labels, teacher):\n    return student\n", None),
        ("x = 1\n", None),
    ],
)
def test_loss(text: str, name: str | None) -> None:
    assert stand_in_of(text, "loss_fn_kd", EntryKind.LOSS) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (MODEL.split("def get_student_model")[0] + "net = StudentNet([2, 1])\n", "net"),
        (MODEL.replace("get_student_model", "getStudentModel"), "getStudentModel"),
        (MODEL.replace("get_student_model", "build_net"), "build_net"),
        (NET.format("StudentNet", ""), "StudentNet"),
        (NET.format("Block", "") + NET.format("StudentNet", ", c=11").replace("pass", "Block()"), "StudentNet"),
        (NET.format("TeacherNet", "") + NET.format("StudentNet", ""), "StudentNet"),
        (NET.format("A", "") + NET.format("B", ""), None),
        (NET.format("StudentNet", ", classes"), None),
        (NET.format("StudentNet", "") + "a = StudentNet()\nb = StudentNet().to(device)\n", "a"),
        (NET.format("StudentNet", "") + "a = StudentNet().to(device)\n", "a"),
        (NET.format("Net", ", width=512") + "def build(width=512):\n    return Net(width)\n", "build"),
        (
            NET.format("Net", ", w")
            + "def build(w):\n    return Net(w)\n"
            + MAIN.format("net = build(w=8).to(device)"),
            "build(w=8)",
        ),
        (NET.format("StudentNet", "") + CLASS.format("KDLoss") + "criterion = KDLoss()\n", "StudentNet"),
        (CLASS.format("KDLoss") + "loss_fn_kd = KDLoss()\n", None),
        (MODEL.replace("get_student_model", "get_studnet_model"), "get_studnet_model"),
        (TRAINING, None),
        (LOSS, None),
    ],
)
def test_model(text: str, name: str | None) -> None:
    assert stand_in_of(text, "get_student_model", EntryKind.NETWORK) == name


def test_kind_and_not_name_of_the_entry_point_decides_what_stands_in() -> None:
    net, loss = MODEL.replace("get_student_model", "make_net"), LOSS.replace("loss_fn_kd", "kd_loss")
    assert stand_in_of(net, "build_network", EntryKind.NETWORK) == "make_net"
    assert stand_in_of(loss, "objective", EntryKind.LOSS) == "kd_loss"
    assert stand_in_of(net, "get_student_model") is None


SPELLINGS = [
    ("kmeansQuantize", "kmeansQuantize"),
    ("k_mean_quantize", "k_mean_quantize"),
    ("k_maens_quantise", "k_maens_quantise"),
    ("quantize", None),
    ("k_means_quantize_all", None),
]


@pytest.mark.parametrize(("name", "expected"), SPELLINGS)
def test_another_spelling_stands_in_for_any_function(name: str, expected: str | None) -> None:
    assert stand_in_of(f"def {name}(tensor):\n    return tensor\n", "k_means_quantize") == expected


def test_stand_in_gets_the_name_and_is_noted() -> None:
    text = LOSS.replace("loss_fn_kd", "kd_loss").rstrip()
    result = read_text(text, "loss_fn_kd")
    assert result.source == f"{text}\nloss_fn_kd = kd_loss\n"
    (note,) = result.notes
    assert (note.id, note.params) == ("intake.stand_in", {"entry": "loss_fn_kd", "name": "kd_loss"})


@pytest.mark.parametrize("text", [LOSS, "from losses import loss_fn_kd\n" + LOSS.replace("loss_fn_kd", "kd_loss")])
def test_bound_entry_point_needs_no_stand_in(text: str) -> None:
    assert "intake.stand_in" not in note_ids(read_text(text, "loss_fn_kd"))
