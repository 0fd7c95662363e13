"""A softmax over the batch (``dim=0``) instead of over the classes, on both sides or on one."""

from functools import partial

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe

ID = "kd.soft_term.softmax_over_batch"
LOSSES = (
    Recipe("both_sides", input_form=partial(F.log_softmax, dim=0), target_form=partial(F.softmax, dim=0)),
    Recipe("student_side", input_form=partial(F.log_softmax, dim=0)),
    Recipe("teacher_side", target_form=partial(F.softmax, dim=0)),
)
