"""The system call filter, run in a small interpreter of classic BPF for both architectures."""

from __future__ import annotations

import errno
import struct
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.sandbox import seccomp
from grader.sandbox.policy import Rule, default
from grader.sandbox.syscalls import ARCHITECTURES, Architecture

PID = 4321
ALLOWED, KILLED = "allowed", "killed"
Answer = int | str
EACH = pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)


class Call(NamedTuple):
    """The kernel's argument of a filter: ``struct seccomp_data``."""

    number: int
    arguments: tuple[int, ...] = ()
    audit: int = 0

    def data(self) -> bytes:
        arguments = (*self.arguments, 0, 0, 0, 0, 0, 0)[:6]
        return struct.pack("<IIQ6Q", self.number & 0xFFFFFFFF, self.audit, 0, *(a & (2**64 - 1) for a in arguments))


def answer(program: list[seccomp.Code], call: Call) -> Answer:
    """Run the program as the kernel does."""
    data, accumulator, at = call.data(), 0, 0
    while True:
        code, jump_true, jump_false, k = program[at]
        at += 1
        match code:
            case 0x20:  # load a word
                (accumulator,) = struct.unpack_from("<I", data, k)
            case 0x54:  # and
                accumulator &= k
            case 0x15:
                at += jump_true if accumulator == k else jump_false
            case 0x35:
                at += jump_true if accumulator >= k else jump_false
            case 0x45:
                at += jump_true if accumulator & k else jump_false
            case 0x06:
                action, value = k & 0xFFFF0000, k & 0xFFFF
                return {0x7FFF0000: ALLOWED, 0x80000000: KILLED}.get(action) or value
            case _:
                raise AssertionError(f"no instruction {code:#x}")


def ask(architecture: Architecture, name: str, *arguments: int) -> Answer:
    program = seccomp.build(default(), architecture, PID)
    return answer(program, Call(architecture.numbers[name], arguments, architecture.audit))


@EACH
def test_every_name_has_its_answer(architecture: Architecture) -> None:
    policy = default()
    expected: dict[str, Answer] = dict.fromkeys(policy.allowed, ALLOWED)
    expected |= dict.fromkeys(policy.kill.names, KILLED) | dict.fromkeys(policy.absent.names, errno.ENOSYS)
    ruled = {rule.name for rule in policy.rule}
    assert not ruled & set(expected)
    answers = {name: answer for name, answer in expected.items() if name in architecture.numbers}
    assert {name: ask(architecture, name) for name in answers} == answers


@EACH
def test_whatever_is_not_named_is_refused(architecture: Architecture) -> None:
    program = seccomp.build(default(), architecture, PID)
    named = set(architecture.numbers.values())
    answers = {
        answer(program, Call(number, (), architecture.audit))
        for number in range(architecture.highest)
        if number not in named
    }
    assert answers == {errno.EPERM}
    for name in ("socket", "socketpair", "execve", "memfd_create"):
        assert ask(architecture, name) == errno.EPERM


@EACH
def test_calls_newer_than_the_table_do_not_exist(architecture: Architecture) -> None:
    program = seccomp.build(default(), architecture, PID)
    for number in (architecture.highest, 5000, 0x3FFFFFFF):
        assert answer(program, Call(number, (), architecture.audit)) == errno.ENOSYS


@EACH
def test_another_architectures_call_is_killed(architecture: Architecture) -> None:
    program = seccomp.build(default(), architecture, PID)
    i386, arm = 0x40000003, 0x40000028
    others = {i386, arm, 0, *(other.audit for other in ARCHITECTURES.values())} - {architecture.audit}
    assert {answer(program, Call(0, (), audit)) for audit in others} == {KILLED}


@EACH
@given(number=st.integers(0x40000000, 0xFFFFFFFF))
def test_x32_calls_are_killed(architecture: Architecture, number: int) -> None:
    program = seccomp.build(default(), architecture, PID)
    assert answer(program, Call(number, (), architecture.audit)) == KILLED


SHARED, PRIVATE, ANONYMOUS, GROWSDOWN, STACK = 1, 2, 0x20, 0x100, 0x20000
THREAD = 0x3D0F00  # what glibc passes to start a thread


@EACH
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("mmap", (0, 4096, 3, PRIVATE | ANONYMOUS), ALLOWED),
        ("mmap", (0, 4096, 7, PRIVATE | ANONYMOUS | STACK), ALLOWED),
        ("mmap", (0, 4096, 1, SHARED, 5), ALLOWED),
        ("mmap", (0, 4096, 3, SHARED | ANONYMOUS), errno.ENOMEM),
        ("mmap", (0, 4096, 3, SHARED | PRIVATE | ANONYMOUS), errno.ENOMEM),
        ("mmap", (0, 4096, 3, PRIVATE | ANONYMOUS | GROWSDOWN), errno.ENOMEM),
        ("openat", (-100, 0, 0), ALLOWED),
        ("openat", (-100, 0, 0o2200000), ALLOWED),  # O_CLOEXEC | O_DIRECTORY
        *[("openat", (-100, 0, flag), errno.EROFS) for flag in (1, 2, 0o100, 0o1000, 0o2000, 0o20000000, 0o10000000)],
        ("clone", (THREAD,), ALLOWED),
        ("clone", (17,), errno.EPERM),
        ("clone", (0x4111,), errno.EPERM),  # vfork
        ("clone", (0x100 | 0x800,), errno.EPERM),
        *[("clone", (THREAD | 1 << bit,), errno.EPERM) for bit in (7, 13, 14, 15, 17, 25, 26, 27, 28, 29, 30)],
        ("kill", (PID, 6), ALLOWED),
        *[("kill", (pid, 9), errno.EPERM) for pid in (0, 1, -1, -PID, PID + 1, PID - 1)],
        ("tgkill", (PID, 5, 6), ALLOWED),
        ("tgkill", (1, PID, 6), errno.EPERM),
        ("prlimit64", (0, 7, 0), ALLOWED),
        ("prlimit64", (0, 7, 0x7FFF0000), errno.EPERM),
        ("prlimit64", (0, 7, 1 << 32), errno.EPERM),
        ("prlimit64", (1, 7, 0), errno.EPERM),
        ("prlimit64", (PID, 7, 0), errno.EPERM),
        ("prctl", (15,), ALLOWED),
        ("prctl", (4, 1), errno.EPERM),  # PR_SET_DUMPABLE
        ("prctl", (38, 1), errno.EPERM),
        ("prctl", (22, 2), errno.EPERM),  # PR_SET_SECCOMP
        ("fcntl", (1, 3), ALLOWED),
        *[("fcntl", (1, command), errno.EPERM) for command in (6, 8, 1024, 1026, 1031, 1033)],
        ("ioctl", (0, 0x5401), ALLOWED),
        ("ioctl", (0, 0xFFFFFFFF00005401), ALLOWED),  # the kernel reads 32 bits of it as well
        ("ioctl", (0, 0x5412), errno.ENOTTY),  # TIOCSTI
    ],
)
def test_rules_on_arguments(
    architecture: Architecture, name: str, arguments: tuple[int, ...], expected: Answer
) -> None:
    assert ask(architecture, name, *arguments) == expected


def test_the_old_open_is_ruled_like_the_new() -> None:
    x86_64 = ARCHITECTURES["x86_64"]
    assert ask(x86_64, "open", 0, 0) == ALLOWED
    for flag in (1, 2, 0o100, 0o1000, 0o2000, 0o20000000, 0o10000000):
        assert ask(x86_64, "open", 0, flag) == errno.EROFS


@EACH
def test_every_rule_refuses_something(architecture: Architecture) -> None:
    """For each rule by itself there are arguments that only it refuses."""
    policy = default()
    for rule in policy.rule:
        if rule.name not in architecture.numbers:
            continue
        alone = policy.model_copy(update={"rule": (rule,)})
        program = seccomp.build(alone, architecture, PID)
        arguments = [0] * 6
        arguments[rule.argument] = _refused(rule)
        refused = answer(program, Call(architecture.numbers[rule.name], tuple(arguments), architecture.audit))
        assert refused == getattr(errno, rule.errno), rule


def _refused(rule: Rule) -> int:
    if rule.need_all_bits:
        return 0
    return 0xFFFFFFFF


@EACH
def test_the_program_fits_the_kernel(architecture: Architecture) -> None:
    program = seccomp.build(default(), architecture, PID)
    assert len(program) < 4096
    assert all(0 <= jump < 256 for _, *jumps, _ in program for jump in jumps)
    assert program[-1][0] == 0x06
