"""Salvage finds the answers in a whole pasted page, between words, tables and a broken example."""

from __future__ import annotations

import pytest

from grader.intake import damage
from grader.intake.salvage import salvage
from tests.unit.intake.paste import LOSS, MODEL, definition, note_ids, one_space_off, read_text, without_underscores

EXAMPLE = """\
class StudentNet(nn.Module):
  def init (self):
   super(). init ()
   self.cnn = nn.Sequential(
    nn.Conv2d(3, 32, 3),
    # Here we adopt Global Average Pooling for various input size.
    nn.AdaptiveAvgPool2d((1, 1)),
   self.fc = nn.Sequential(
    nn.Linear(100, 11),
   )
  def forward(self, x):
   return self.fc(self.cnn(x))
def get student model():
  return StudentNet()
"""
PAGE = """\
## Q1.1 Student Model Architecture 0.5 分數

Please copy&paste your student model below. Note that the function get student model() must be included.

For example:

{fence}{example}{fence}
Your student model architecture **code**(text only):

{fence}{model}{fence}
| Layer (type)  | Output Shape       | Param # |
|---------------|--------------------|---------|
| Conv2d-1      | [-1, 64, 224, 224] | 1,728   |
Total params: 87.
,907
{fence}Input size (MB): 0.57
 Q2.1 Knowledge Distillation with KL Divergence Loss
Copy&Paste the contents. (Simply choose alpha=0.5, temperature=1.0 for the keyword
arguments.)
For example:
  def loss fn kd(student logits, labels, teacher logits, alpha=0.5, temperature=1.0):
    # You need to implement this loss function by your own.
    pass
Your loss fn kd code(text only).
{loss}{fence}
Using a higher value for T produces a harder probability distribution over classes.

✓ No. Such pruning technique in the tutorial is just to add some masks to the modules.
"""


def page(model: str, loss: str, fence: str = "") -> str:
    indented = "".join(f" {line}\n" for line in loss.splitlines())
    return PAGE.format(fence=fence, example=EXAMPLE, model=model, loss=indented)


@pytest.mark.parametrize("fence", ["", "```\n"])
@pytest.mark.parametrize("entry", ["get_student_model", "loss_fn_kd"])
def test_whole_page_of_damaged_code_is_diagnosed_and_repaired(fence: str, entry: str) -> None:
    text = page(one_space_off(without_underscores(MODEL)), one_space_off(without_underscores(LOSS)), fence)
    suggested = read_text(text, entry)
    assert suggested.source is None
    assert suggested.notes[0].id == "code.damaged"
    assert {"intake.prose", "intake.broken_definition"} <= note_ids(suggested)
    applied = read_text(text, entry, "apply")
    assert applied.error is None
    whole = LOSS if entry == "loss_fn_kd" else MODEL
    for name in ("loss_fn_kd",) if entry == "loss_fn_kd" else ("get_student_model", "StudentNet", "Separable_Block"):
        expected = definition(whole.replace("_make_layer", "make_layer"), name)
        assert definition(applied.source, name) == expected


def test_whole_page_of_undamaged_code_runs_without_a_repair() -> None:
    """Only the homework's own examples are damaged."""
    result = read_text(page(MODEL, LOSS))
    assert definition(result.source, "StudentNet") == definition(MODEL, "StudentNet")
    assert definition(read_text(page(MODEL, LOSS), "loss_fn_kd").source, "loss_fn_kd") == definition(LOSS, "loss_fn_kd")
    assert not result.is_damaged
    assert note_ids(result) == {"intake.prose", "intake.broken_definition", "intake.dropped"}


def test_lines_stay_where_they_were() -> None:
    text = page(MODEL, LOSS, "```\n")
    salvaged = salvage(text.replace("```", ""))
    assert salvaged is not None
    at = text.split("\n").index("class Separable_Block(nn.Module):")
    assert salvaged.text.split("\n")[at] == "class Separable_Block(nn.Module):"
    assert salvaged.text.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    "broken", ["def broken(:\n    pass\n", "class StudentNet(nn.Module:\n    x = 1\n", "def (x):\n    pass\n"]
)
def test_broken_definition_without_a_replacement_is_not_dropped(broken: str) -> None:
    assert salvage("Some words here.\n" + broken + "def get_student_model():\n    return 1\n") is None


def test_assignment_between_words_is_kept() -> None:
    salvaged = salvage(
        "My answer is this\nwidth = 16\nand more words\ndef get_student_model():\n  return width\nThe end.\n"
    )
    assert salvaged is not None
    assert salvaged.text.split() == ["width", "=", "16", "def", "get_student_model():", "return", "width"]


def test_words_alone_and_long_texts_stay_as_they_are() -> None:
    assert salvage("there is no code here at all\n") is None
    assert salvage("some words\n" + MODEL + "# x\n" * damage.SIZE_LIMIT) is None
