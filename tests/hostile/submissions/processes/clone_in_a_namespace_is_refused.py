# question: 1.1
# outcome: forbidden
# verdict: none
# error: PermissionError
"""A process that is root in a user namespace."""

import ctypes
import os

from torch import nn

libc = ctypes.CDLL(None, use_errno=True)


def call(what, result):
    if result == -1:
        raise OSError(ctypes.get_errno(), what)


def get_student_model():
    call("clone", libc.syscall({"x86_64": 56, "aarch64": 220}[os.uname().machine], 0x10000000 | 17, 0, 0, 0, 0))
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 11))
