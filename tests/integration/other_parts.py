"""An assignment whose parts, functions and questions have no name of hw13, and a right submission to it."""

from __future__ import annotations

import shutil
from pathlib import Path

from app.assignments import service as assignments
from app.db.engine import Database
from app.settings import Settings
from grader import assignment_check
from grader.assignment import ASSIGNMENTS

SLUG = "small-nets"
TOML = """
slug = "small-nets"
version = 1
title = { en = "Compress a network", zh-Hant = "壓縮網路" }

[[parts]]
name = "network"
kind = "code"
title = { en = "Your network", zh-Hant = "你的網路" }
hint = { en = "It defines build_network." }

[[parts]]
name = "objective"
kind = "code"
title = { en = "Your objective" }

[[parts]]
name = "report"
kind = "text"
title = { en = "Printed report" }
size = 2000

[[parts]]
name = "choices"
kind = "answers"
title = { en = "Choices" }

[[parts]]
name = "figure"
kind = "picture"
title = { en = "Figure" }

[[parts]]
name = "series"
kind = "table"
title = { en = "Series of the figure" }

[[questions]]
number = "1"
check = "architecture"
points = 1
parts = ["network"]
title = { en = "A small network" }
text = { en = "At most **{parameter_limit}** parameters in `build_network`. <b>No tags</b>" }
options = { entry = "build_network", input_shape = [3, 32, 32], classes = 4, parameter_limit = 1_500 }

[[questions]]
number = "2"
check = "summary"
points = 1
parts = ["report"]
title = { en = "Its report" }
options = { rows_differ_points = 0.5 }

[[questions]]
number = "3"
check = "kd_loss"
points = 2
parts = ["objective"]
title = { en = "The objective" }
[questions.options]
entry = "objective"
classes = 11
hard_term_points = 1
soft_term_points = 1
cases = "kd_cases.json"
known_mistakes = "kd_mistakes.json"

[[questions]]
number = "4"
check = "choice"
points = 1
parts = ["choices"]
title = { en = "What a mask does" }
[questions.options]
key = "zeros"
choices = { zeros = { en = "It sets weights to zero." }, fewer = { en = "It removes weights." } }

[[questions]]
number = "5"
check = "pruning"
points = 1
parts = ["figure", "series"]
title = { en = "The figure" }
options = { provisional_points = 1, distillation_flops = 0 }
"""
NETWORK = """import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2)
        self.head = nn.Linear(8, 4)

    def forward(self, images):
        return self.head(self.stem(images).relu().mean((2, 3)))

def build_network():
    return Net()
"""
OBJECTIVE = """import torch.nn.functional as F

def objective(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    student, teacher = (F.log_softmax(logits / temperature, 1) for logits in (student_logits, teacher_logits))
    soft = F.kl_div(student, teacher, reduction="batchmean", log_target=True)
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
"""
PARAMETERS = 3 * 8 * 9 + 8 + 8 * 4 + 4
SUBMISSION = {
    "network.py": NETWORK.encode(),
    "objective.py": OBJECTIVE.encode(),
    "report.txt": f"Linear-5 [-1, 4] 36\nTotal params: {PARAMETERS}\nTrainable params: {PARAMETERS}\n".encode(),
    "choices.json": b'{"4": "zeros"}',
    "figure.png": (Path(__file__).parents[2] / "examples/hw13/pruning.png").read_bytes(),
    "series.csv": b"ratio,accuracy\n0.0,0.9\n0.5,0.7\n0.9,0.2\n",
}
"""The files of a right submission by their usual names; a name without its suffix is the part."""
VERDICTS = {"1": "full", "2": "full", "3": "full", "4": "full", "5": "needs_review"}


def write_assignment(folder: Path) -> Path:
    """The assignment's folder below this one."""
    assignment = folder / SLUG
    assignment.mkdir()
    (assignment / "assignment.toml").write_text(TOML, encoding="utf-8")
    for name in ("kd_cases.json", "kd_mistakes.json"):
        shutil.copy(ASSIGNMENTS / "hw13" / name, assignment / name)
    return assignment


def write_submission(folder: Path) -> Path:
    """The folder of a right submission below this one."""
    submission = folder / "submission"
    submission.mkdir()
    for name, data in SUBMISSION.items():
        (submission / name).write_bytes(data)
    return submission


def publish(settings: Settings, folder: Path) -> None:
    """Write the assignment below this folder and let students submit to it."""
    assignment, faults = assignment_check.check(write_assignment(folder))
    assert assignment is not None, faults
    database = Database(settings)
    with database.write() as session:
        assignments.publish_version(session, assignment, actor="test")
    database.close()
