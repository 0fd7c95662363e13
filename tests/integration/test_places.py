"""The line of an error in a student's code, through the sandbox: in a notebook the cell and the line in it."""

from __future__ import annotations

import pytest

from grader import messages, pipeline, scoring
from grader.assignment import Assignment, bundled
from grader.evidence import CodeEvidence
from grader.sandbox.supervisor import Sandbox
from grader.submission import Part, SubmittedParts
from tests.unit.intake.paste import notebook

LIMITS = {"cpu_seconds": 15, "wall_seconds": 60, "memory_mb": 1500}
HERE = "# here"
IMPORTS = "\n\nimport torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
NET = (
    "\nclass StudentNet(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.fc = nn.Linear(12, 11)\n\n    def forward(self, x):\n"
    "        return self.fc(x[:, :, :2, :2].flatten(1))\n"
)
GET = "\n\ndef get_student_model():\n    return StudentNet()\n"
LOSS = (
    "\ndef loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):\n"
    "    T = temperature\n"
    "    p, q = F.log_softmax(student_logits / T, 1), F.softmax(teacher_logits / T, 1)\n"
    "    soft = F.kl_div(p, q, reduction='batchmean')\n"
    "    return alpha * T * T * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)\n"
)
PRUNE = "\nimport torch\n\ndef fine_grained_prune(tensor, sparsity):\n    return tensor.absolute(sparsity)  # here\n"
CASES: dict[str, tuple[str, str, str, str]] = {
    "at import": ("1.1", "    def forward", "    width = 3 / 0  # here\n    def forward", "code.error.load"),
    "in get_student_model": ("1.1", "    return Student", "\n    return StudentNet(3)  # here\n", "code.error.build"),
    "in forward": ("1.1", "x[:, :, :2, :2]", "x[:, :, :3, :3]", "code.error.forward"),
    "in a training step": ("1.1", "return self.fc", "1 / (not self.training)  # here\n        return self.fc",
                           "code.error.backward"),
    "a name at run time": ("1.1", "        super", "        globals(); y  # here\n        super",
                           "code.missing_name"),
    "in the loss": ("2.1", "    T = temperature", "    T = temperature.item()  # here", "code.error.call"),
    "in some calls of the loss": ("2.1", "    T = ", "    assert alpha < 1  # here\n    T = ", "kd.value.raises"),
}  # fmt: skip


def error_message(
    assignment: Assignment, number: str, parts: dict[str, Part], message: str, sandbox: Sandbox
) -> tuple[str, str, CodeEvidence]:
    """The text of a message in both languages, and the evidence."""
    small = assignment.model_copy(update={"sandbox": LIMITS})
    evidence = pipeline.run_first_stage(small, SubmittedParts(parts), sandbox).evidence[number]
    assert isinstance(evidence, CodeEvidence)
    score = scoring.score(assignment, number, evidence)
    notes = [note for note in score.messages if note.id == message]
    assert len(notes) == 1, score.messages
    return messages.render(notes[0]), messages.render(notes[0], "zh-Hant"), evidence


def place_of_mark(cells: list[str], mark: str = HERE) -> tuple[int, int]:
    return next(
        (number, at)
        for number, text in enumerate(cells, start=1)
        for at, line in enumerate(text.split("\n"), start=1)
        if mark in line
    )


@pytest.mark.parametrize("name", CASES)
def test_error_in_a_notebook_names_the_cell_and_the_line_in_it(name: str, hw13: Assignment, sandbox: Sandbox) -> None:
    number, right, wrong, message = CASES[name]
    cells = ["# cell 4\nprint(1)\n", IMPORTS, *(text.replace(right, wrong) for text in (NET, GET, LOSS)), "x = 2"]
    cell, line = place_of_mark(cells, HERE if HERE in wrong else wrong)
    parts = {"model": Part(notebook(*cells).encode())}
    english, chinese, evidence = error_message(hw13, number, parts, message, sandbox)
    assert f"cell {cell}, line {line}" in english
    assert f"第 {cell} 個儲存格第 {line} 行" in chinese
    if evidence.error is not None:
        assert (evidence.error.cell, evidence.error.line) == (cell, line)
        assert f"Cell {cell}, line {line}, in " in evidence.error.traceback
        assert "File " not in evidence.error.traceback


def test_error_in_a_text_names_its_line(hw13: Assignment, sandbox: Sandbox) -> None:
    """Also below a form feed, at which other programs break lines."""
    text = ">>> \x0c\n" + "".join(f"... {line}\n" for line in f"{IMPORTS}{NET}{GET}".split("\n"))
    text = text.replace("StudentNet()", "StudentNet(3)").replace("class StudentNet", "x = 1\n>>> class StudentNet")
    line = text.split("\n").index("...     return StudentNet(3)") + 1
    parts = {"model": Part(text.encode())}
    english, chinese, evidence = error_message(hw13, "1.1", parts, "code.error.build", sandbox)
    assert f"(line {line}: " in english
    assert f"（第 {line} 行：" in chinese
    assert evidence.error is not None
    assert (evidence.error.source or "").strip() == "return StudentNet(3)"


def test_stand_in_that_fails_names_no_line_that_the_student_did_not_write(hw13: Assignment, sandbox: Sandbox) -> None:
    parts = {"model": Part(f"{IMPORTS}{NET.replace('(self):', '(self, width):')}\nmodel = StudentNet\n".encode())}
    small = hw13.model_copy(update={"sandbox": LIMITS})
    evidence = pipeline.run_first_stage(small, SubmittedParts(parts), sandbox).evidence["1.1"]
    assert isinstance(evidence, CodeEvidence)
    assert evidence.error is None or (evidence.error.line or 0) <= parts["model"].data.count(b"\n")


def test_error_in_a_function_names_the_cell_and_the_line_in_it(sandbox: Sandbox) -> None:
    parts = {"code": Part(notebook("x = 1", PRUNE).encode())}
    english, _, evidence = error_message(bundled("prune-quantize"), "1.1", parts, "function.error", sandbox)
    assert "cell 2, line 5" in english
    assert evidence.error is not None
    assert (evidence.error.cell, evidence.error.line) == (2, 5)


def test_function_that_fails_in_some_cases_names_the_line(sandbox: Sandbox) -> None:
    code = PRUNE.replace("return tensor", "return tensor.abs() > -1 if sparsity == 0 else tensor")
    parts = {"code": Part(notebook("x = 1", code).encode())}
    english, chinese, _ = error_message(bundled("prune-quantize"), "1.1", parts, "function.failed.raises", sandbox)
    assert "cell 2, line 5" in english
    assert "第 2 個儲存格第 5 行" in chinese
