# question: 2.1
# outcome: error
# verdict: none
# error: RuntimeError
"""A hook that answers every import."""

import importlib
import sys


class Hook:
    def find_spec(self, name, path=None, target=None):
        raise RuntimeError(name)


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    sys.meta_path.insert(0, Hook())
    return importlib.import_module("nowhere_at_all")
