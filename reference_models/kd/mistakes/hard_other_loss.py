"""Mean squared error or binary cross entropy with one-hot labels, instead of cross entropy."""

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe

ID = "kd.hard_term.other_loss"
LOSSES = (
    Recipe(
        "squares",
        hard_term=lambda student, labels, temperature: F.mse_loss(
            F.softmax(student, dim=1), F.one_hot(labels, student.shape[1]).to(student.dtype)
        ),
    ),
    Recipe(
        "binary",
        hard_term=lambda student, labels, temperature: F.binary_cross_entropy_with_logits(
            student, F.one_hot(labels, student.shape[1]).to(student.dtype)
        ),
    ),
)
