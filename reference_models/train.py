"""Train the reference networks again: ``python -m reference_models.train [FOLDER]``, some minutes on one core.

The teacher learns from pictures drawn for it alone (so the font of `reference_models.food11.draw` must be there) and
has seen no image of the train split, so it has not memorised the labels there. The student learns from its logits, as
every submission without weights does. One thread and fixed seeds give the same bits on one machine.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from reference_models import pruning, trained
from reference_models.food11 import FOLDER, SIZE, draw
from reference_models.networks import BaselineStudent, Teacher, with_weights
from reference_models.pack import Pack
from reference_models.training import Images, Schedule, accuracy, distillation, logits, train
from reference_models.transform import normalise

TEACHER = Schedule(epochs=14, learning_rate=0.004, batch=64, weight_decay=0.05, seed=1)
STUDENT = Schedule(epochs=20, learning_rate=0.005, batch=32, weight_decay=0.01, seed=2)
ALPHA, TEMPERATURE = 0.7, 4.0


def main(folder: Path) -> None:
    """Train both networks and write everything that `reference_models.trained` reads into ``folder``."""
    torch.set_num_threads(1)
    start = time.process_time()
    splits = {split: Pack(FOLDER / f"{split}.pack") for split in draw.SHIPPED}
    with tempfile.TemporaryDirectory() as temporary:
        teacher = _teacher(Pack(draw.draw(Path(temporary), "lessons")), folder / trained.TEACHER.name)
    teacher_logits = {split: logits(teacher, _images(pack)).half() for split, pack in splits.items()}
    save_file(teacher_logits, folder / trained.LOGITS.name)
    student = _student(splits["train"], teacher_logits["train"].float(), folder / trained.BASELINE_STUDENT.name)

    curve = pruning.curve(teacher, _images(splits["hidden"]), _labels(splits["hidden"]))
    (folder / trained.CURVE.name).write_text("[\n " + ",\n ".join(map(json.dumps, curve)) + "\n]\n")
    result = {
        "data": {split: pack.digest for split, pack in splits.items()},
        "size": SIZE,
        "teacher": _record(teacher, TEACHER, splits),
        "baseline_student": _record(student, STUDENT, splits) | {"alpha": ALPHA, "temperature": TEMPERATURE},
        "torch": torch.__version__,
        "cpu_seconds": round(time.process_time() - start),
    }
    (folder / trained.RESULT.name).write_text(json.dumps(result, indent=1) + "\n")


def _teacher(lessons: Pack, path: Path) -> Teacher:
    torch.manual_seed(TEACHER.seed)
    teacher, labels = Teacher(), _labels(lessons)

    def cross_entropy(predicted: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(predicted, labels[batch])

    train(teacher, _images(lessons), cross_entropy, TEACHER, _progress("teacher"))
    _save_weights(teacher, path)
    return with_weights(Teacher(), path)


def _student(split: Pack, teacher_logits: torch.Tensor, path: Path) -> BaselineStudent:
    torch.manual_seed(STUDENT.seed)
    student = BaselineStudent()
    loss = distillation(_labels(split), teacher_logits, ALPHA, TEMPERATURE)
    train(student, _images(split), loss, STUDENT, _progress("baseline student"))
    _save_weights(student, path)
    return with_weights(BaselineStudent(), path)


def _save_weights(network: nn.Module, path: Path) -> None:
    """Store the weights as float16. The record is measured on the network with these rounded weights."""
    state = network.state_dict()
    save_file(
        {name: (value.half() if value.is_floating_point() else value).contiguous() for name, value in state.items()},
        path,
    )


def _record(network: nn.Module, schedule: Schedule, splits: Mapping[str, Pack]) -> dict[str, Any]:
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "accuracy": {split: accuracy(logits(network, _images(pack)), _labels(pack)) for split, pack in splits.items()},
        "schedule": asdict(schedule),
    }


def _images(pack: Pack) -> Images:
    return torch.from_numpy(normalise(pack.pixels(slice(None))))


def _labels(pack: Pack) -> torch.Tensor:
    return torch.from_numpy(pack.labels)


def _progress(name: str) -> Callable[[int, float], None]:
    return lambda epoch, loss: print(f"{name}: epoch {epoch}, loss {loss:.3f}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else trained.FOLDER)
