"""The cross entropy of one-hot labels averaged over N * C elements instead of over N examples."""

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe

ID = "kd.hard_term.mean_over_elements"
LOSSES = (
    Recipe(
        hard_term=lambda student, labels, temperature: (
            -(F.one_hot(labels, student.shape[1]) * F.log_softmax(student, dim=1)).mean()
        )
    ),
)
