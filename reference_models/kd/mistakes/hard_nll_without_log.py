"""``nll_loss`` of probabilities or of raw logits, where it expects log-probabilities."""

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe

ID = "kd.hard_term.nll_without_log"
LOSSES = (
    Recipe(
        "probabilities", hard_term=lambda student, labels, temperature: F.nll_loss(F.softmax(student, dim=1), labels)
    ),
    Recipe("raw", hard_term=lambda student, labels, temperature: F.nll_loss(student, labels)),
)
