"""The requests of a short distillation: the trusted side sends batches, the child trains a fresh copy of the model.

Runs beside the student's code. The answer is a state dict as data; only its accuracy on held-out images counts.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F

from grader.sandbox.frames import Answer, Array
from grader.sandbox.harness.model import call_entry_point, logits_of
from grader.sandbox.harness.student_module import StudentModule, seed_generators


def _allows_channels_last(model: torch.nn.Module) -> bool:
    """Whether every tensor can be laid out channels last: neither tensors of five dimensions nor lazy layers can."""
    tensors = [*model.parameters(), *model.buffers()]
    return not any(torch.nn.parameter.is_lazy(tensor) or tensor.dim() == 5 for tensor in tensors)


class Training:
    """One fresh copy of the model, its optimizer and its schedule. The same seed and batches give the same weights."""

    def __init__(self, student_module: StudentModule, loss_module: StudentModule) -> None:
        self.student_module = student_module
        self.loss_module = loss_module
        self.loss: dict[str, Any] | None = None

    def begin(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """Build the copy under a fixed seed, on one thread, which fixes the order of sums."""
        torch.set_num_threads(1)
        self.settings = meta
        self.alpha, self.temperature = float(meta["alpha"]), float(meta["temperature"])
        self.loss = meta["loss"]
        self._build(torch.channels_last)  # up to twice as fast on a CPU
        self.has_stepped = False
        return {}, []

    def _build(self, layout: torch.memory_format) -> None:
        seed_generators(int(self.settings["seed"]))
        model = call_entry_point(self.student_module, str(self.settings["entry"])).train()
        self.layout = layout
        self.model = model.to(memory_format=layout) if _allows_channels_last(model) else model
        self.optimizer: torch.optim.Optimizer | None = None

    def _get_optimizer(self) -> torch.optim.Optimizer:
        """The optimizer, made after the first pass because lazy layers have no weights before it."""
        if self.optimizer is not None:
            return self.optimizer
        trainable = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        steps, rate = int(self.settings["steps"]), float(self.settings["learning_rate"])
        self.optimizer = torch.optim.AdamW(trainable, lr=rate, weight_decay=float(self.settings["weight_decay"]))
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, max_lr=rate, total_steps=max(steps, 2), pct_start=0.25
        )
        return self.optimizer

    def step(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """One step on images (N, C, H, W), teacher logits (N, classes) and labels (N,); answers the loss."""
        try:
            answer = self._step(arrays)
        except RuntimeError:
            if self.has_stepped or self.layout is torch.contiguous_format:
                raise
            # A ``view`` that flattens needs the contiguous layout.
            self._build(torch.contiguous_format)
            answer = self._step(arrays)
        self.has_stepped = True
        return answer

    def _step(self, arrays: tuple[Array, ...]) -> Answer:
        images, teacher, labels = (torch.from_numpy(array.copy()) for array in arrays)
        student = logits_of(self.model(images.contiguous(memory_format=self.layout)))
        compute_loss = self._reference_loss if self.loss is None else self._student_loss
        loss = compute_loss(student, teacher, labels)
        optimizer = self._get_optimizer()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        optimizer.step()
        self.schedule.step()
        value = float(loss.detach())
        return {"loss": value if np.isfinite(value) else None}, []

    def _reference_loss(self, student: torch.Tensor, teacher: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        soft = F.kl_div(
            F.log_softmax(student / self.temperature, 1),
            F.log_softmax(teacher / self.temperature, 1),
            reduction="batchmean",
            log_target=True,
        )
        return self.alpha * self.temperature**2 * soft + (1 - self.alpha) * F.cross_entropy(student, labels)

    def _student_loss(self, student: torch.Tensor, teacher: torch.Tensor, labels: torch.Tensor) -> Any:
        """The student's loss on these logits, called by roles as in the check of the loss."""
        assert self.loss is not None
        arguments = {
            "student_logits": student,
            "labels": labels,
            "teacher_logits": teacher,
            "alpha": self.alpha,
            "temperature": self.temperature,
        }
        loss: Any = self.loss_module.namespace[str(self.loss["entry"])]
        if inspect.isclass(loss):
            loss = loss(**{name: arguments[role] for name, role in self.loss["init_kwargs"].items()})
        kwargs = {name: arguments[role] for name, role in self.loss["kwargs"].items()}
        return loss(*(arguments[role] for role in self.loss["args"]), **kwargs)

    def end(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """The trained weights as safetensors bytes."""
        state = {name: tensor.detach().clone().contiguous() for name, tensor in self.model.state_dict().items()}
        return {}, [np.frombuffer(safetensors.torch.save(state), np.uint8)]
