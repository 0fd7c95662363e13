"""System call numbers by architecture, from the kernel's own tables, which never change a number.

Only what `policy.toml` and the probes name is listed; an architecture that lacks a call (aarch64 never had ``open``)
leaves it out.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """The audit number of the architecture in seccomp, its call numbers by name, and the highest number in use."""

    audit: int
    numbers: dict[str, int]
    highest: int


# fmt: off
X86_64 = Architecture(
    audit=0xC000003E,
    highest=467,
    numbers={
        "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8,
        "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14,
        "rt_sigreturn": 15, "ioctl": 16, "pread64": 17, "readv": 19, "writev": 20, "access": 21, "select": 23,
        "sched_yield": 24, "mremap": 25, "mincore": 27, "madvise": 28, "dup": 32, "dup2": 33, "pause": 34,
        "nanosleep": 35, "getpid": 39, "socket": 41, "socketpair": 53, "clone": 56, "fork": 57, "execve": 59,
        "exit": 60, "wait4": 61, "kill": 62, "uname": 63, "fcntl": 72, "truncate": 76, "getdents": 78, "getcwd": 79,
        "readlink": 89, "umask": 95, "gettimeofday": 96, "getrlimit": 97, "getrusage": 98, "sysinfo": 99,
        "times": 100, "ptrace": 101, "getuid": 102, "syslog": 103, "getgid": 104, "geteuid": 107, "getegid": 108,
        "getppid": 110, "getpgrp": 111, "getgroups": 115, "getresuid": 118, "getresgid": 120, "getpgid": 121,
        "getsid": 124, "capget": 125, "rt_sigpending": 127, "rt_sigtimedwait": 128, "rt_sigsuspend": 130,
        "sigaltstack": 131, "personality": 135, "statfs": 137, "fstatfs": 138, "getpriority": 140,
        "sched_getparam": 143, "sched_getscheduler": 145, "sched_get_priority_max": 146,
        "sched_get_priority_min": 147, "vhangup": 153, "modify_ldt": 154, "pivot_root": 155, "prctl": 157,
        "arch_prctl": 158, "adjtimex": 159, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165,
        "umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171,
        "iopl": 172, "ioperm": 173, "init_module": 175, "delete_module": 176, "quotactl": 179, "gettid": 186,
        "time": 201, "futex": 202, "sched_getaffinity": 204, "getdents64": 217, "set_tid_address": 218,
        "restart_syscall": 219, "fadvise64": 221, "clock_settime": 227, "clock_gettime": 228, "clock_getres": 229,
        "clock_nanosleep": 230, "exit_group": 231, "tgkill": 234, "kexec_load": 246, "waitid": 247, "add_key": 248,
        "request_key": 249, "keyctl": 250, "openat": 257, "newfstatat": 262, "readlinkat": 267, "faccessat": 269,
        "pselect6": 270, "ppoll": 271, "unshare": 272, "set_robust_list": 273, "get_robust_list": 274,
        "epoll_create1": 291, "dup3": 292, "preadv": 295, "perf_event_open": 298, "prlimit64": 302,
        "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308, "getcpu": 309, "process_vm_readv": 310,
        "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "seccomp": 317, "getrandom": 318,
        "memfd_create": 319, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323, "membarrier": 324,
        "preadv2": 327, "statx": 332, "rseq": 334, "io_uring_setup": 425, "io_uring_enter": 426,
        "io_uring_register": 427, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
        "fspick": 433, "clone3": 435, "close_range": 436, "openat2": 437, "pidfd_getfd": 438, "faccessat2": 439,
        "process_madvise": 440, "mount_setattr": 442, "landlock_create_ruleset": 444, "landlock_add_rule": 445,
        "landlock_restrict_self": 446,
    },
)
AARCH64 = Architecture(
    audit=0xC00000B7,
    highest=467,
    numbers={
        "getcwd": 17, "epoll_create1": 20, "dup": 23, "dup3": 24, "fcntl": 25, "ioctl": 29, "umount2": 39,
        "mount": 40, "pivot_root": 41, "statfs": 43, "fstatfs": 44, "truncate": 45, "faccessat": 48, "chroot": 51,
        "openat": 56, "close": 57, "vhangup": 58, "quotactl": 60, "getdents64": 61, "lseek": 62, "read": 63,
        "write": 64, "readv": 65, "writev": 66, "pread64": 67, "preadv": 69, "pselect6": 72, "ppoll": 73,
        "readlinkat": 78, "newfstatat": 79, "fstat": 80, "acct": 89, "capget": 90, "personality": 92, "exit": 93,
        "exit_group": 94, "waitid": 95, "set_tid_address": 96, "unshare": 97, "futex": 98, "set_robust_list": 99,
        "get_robust_list": 100, "nanosleep": 101, "kexec_load": 104, "init_module": 105, "delete_module": 106,
        "clock_settime": 112, "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115, "syslog": 116,
        "ptrace": 117, "sched_getscheduler": 120, "sched_getparam": 121, "sched_getaffinity": 123, "sched_yield": 124,
        "sched_get_priority_max": 125, "sched_get_priority_min": 126, "restart_syscall": 128, "kill": 129,
        "tgkill": 131, "sigaltstack": 132, "rt_sigsuspend": 133, "rt_sigaction": 134, "rt_sigprocmask": 135,
        "rt_sigpending": 136, "rt_sigtimedwait": 137, "rt_sigreturn": 139, "getpriority": 141, "reboot": 142,
        "getresuid": 148, "getresgid": 150, "times": 153, "getpgid": 155, "getsid": 156, "getgroups": 158,
        "uname": 160, "sethostname": 161, "setdomainname": 162, "getrlimit": 163, "getrusage": 165, "umask": 166,
        "prctl": 167, "getcpu": 168, "gettimeofday": 169, "settimeofday": 170, "adjtimex": 171, "getpid": 172,
        "getppid": 173, "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177, "gettid": 178, "sysinfo": 179,
        "socket": 198, "socketpair": 199, "brk": 214, "munmap": 215, "mremap": 216, "add_key": 217,
        "request_key": 218, "keyctl": 219, "clone": 220, "execve": 221, "mmap": 222, "fadvise64": 223, "swapon": 224,
        "swapoff": 225, "mprotect": 226, "mincore": 232, "madvise": 233, "perf_event_open": 241, "wait4": 260,
        "prlimit64": 261, "open_by_handle_at": 265, "clock_adjtime": 266, "setns": 268, "process_vm_readv": 270,
        "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "seccomp": 277, "getrandom": 278,
        "memfd_create": 279, "bpf": 280, "userfaultfd": 282, "membarrier": 283, "preadv2": 286, "statx": 291,
        "rseq": 293, "kexec_file_load": 294, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
        "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
        "clone3": 435, "close_range": 436, "openat2": 437, "pidfd_getfd": 438, "faccessat2": 439,
        "process_madvise": 440, "mount_setattr": 442, "landlock_create_ruleset": 444, "landlock_add_rule": 445,
        "landlock_restrict_self": 446,
    },
)
# fmt: on
ARCHITECTURES = {"x86_64": X86_64, "aarch64": AARCH64}


def here() -> Architecture | None:
    """This machine's table, or ``None`` where no filter can be built."""
    return ARCHITECTURES.get(platform.machine())
