"""The cross entropy gets probabilities, though it applies a softmax itself."""

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe

ID = "kd.hard_term.softmax_before_cross_entropy"
LOSSES = (
    Recipe("plain", hard_term=lambda student, labels, temperature: F.cross_entropy(F.softmax(student, dim=1), labels)),
    Recipe(
        "softened",
        hard_term=lambda student, labels, temperature: F.cross_entropy(F.softmax(student / temperature, dim=1), labels),
    ),
)
