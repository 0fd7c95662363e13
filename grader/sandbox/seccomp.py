"""The system call filter: classic BPF built from the policy, for one process id.

A program is a list of 8-byte instructions that the kernel runs on ``struct seccomp_data`` (number, architecture,
instruction pointer, six 64-bit arguments) at every call; see seccomp(2) and the kernel's seccomp_filter document.
"""

from __future__ import annotations

import ctypes
import errno
import os

from grader.sandbox import kernel
from grader.sandbox.policy import Policy, Rule
from grader.sandbox.syscalls import Architecture

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_SET, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_X32_BIT = 0x40000000
_SET_MODE_FILTER, _TSYNC = 1, 1

CONSTANTS = {
    "MAP_SHARED": 0x01,
    "MAP_ANONYMOUS": 0x20,
    "MAP_GROWSDOWN": 0x100,
    "O_WRONLY": os.O_WRONLY,
    "O_RDWR": os.O_RDWR,
    "O_CREAT": os.O_CREAT,
    "O_TRUNC": os.O_TRUNC,
    "O_APPEND": os.O_APPEND,
    "O_PATH": os.O_PATH,
    "O_TMPFILE_BIT": 0o20000000,  # the bit of O_TMPFILE that is not O_DIRECTORY
    "CLONE_VM": 0x100,
    "CLONE_SIGHAND": 0x800,
    "CLONE_PTRACE": 0x2000,
    "CLONE_VFORK": 0x4000,
    "CLONE_PARENT": 0x8000,
    "CLONE_THREAD": 0x10000,
    "CLONE_NEWTIME": 0x80,
    "CLONE_NEWNS": 0x20000,
    "CLONE_NEWCGROUP": 0x2000000,
    "CLONE_NEWUTS": 0x4000000,
    "CLONE_NEWIPC": 0x8000000,
    "CLONE_NEWUSER": 0x10000000,
    "CLONE_NEWPID": 0x20000000,
    "CLONE_NEWNET": 0x40000000,
    "PR_SET_NAME": 15,
    "PR_GET_NAME": 16,
    "PR_GET_DUMPABLE": 3,
    "PR_CAPBSET_READ": 23,
    "PR_SET_VMA": 0x53564D41,
    "PR_SET_THP_DISABLE": 41,
    "PR_GET_THP_DISABLE": 42,
    "F_DUPFD": 0,
    "F_GETFD": 1,
    "F_SETFD": 2,
    "F_GETFL": 3,
    "F_SETFL": 4,
    "F_DUPFD_CLOEXEC": 1030,
    "TCGETS": 0x5401,
    "FIONREAD": 0x541B,
    "FIONBIO": 0x5421,
    "FIOCLEX": 0x5451,
    "FIONCLEX": 0x5450,
    "TIOCGWINSZ": 0x5413,
    "ARCH_SET_FS": 0x1002,
    "ARCH_GET_FS": 0x1003,
}


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction)))


Code = tuple[int, int, int, int]


def build(policy: Policy, architecture: Architecture, pid: int) -> list[Code]:
    """The filter for the process ``pid`` as (code, jump if true, jump if false, constant) instructions."""
    numbers = architecture.numbers
    program: list[Code] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, architecture.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_GREATER_EQUAL, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _KILL),
    ]
    rules: dict[str, list[Rule]] = {}
    for rule in policy.rule:
        rules.setdefault(rule.name, []).append(rule)
    for name in policy.allowed:
        program += _answer(numbers, name, _ALLOW)
    for name, conditions in rules.items():
        if name in numbers:
            body = [code for rule in conditions for code in _condition(rule, pid)] + [(_RETURN, 0, 0, _ALLOW)]
            program += [(_JUMP_EQUAL, 0, len(body), numbers[name]), *body]
    for name in policy.kill.names:
        program += _answer(numbers, name, _KILL)
    for name in policy.absent.names:
        program += _answer(numbers, name, _ERRNO | errno.ENOSYS)
    program += [
        (_JUMP_GREATER_EQUAL, 0, 1, architecture.highest),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
    ]
    return program


def _answer(numbers: dict[str, int], name: str, action: int) -> list[Code]:
    if name not in numbers:
        return []
    return [(_JUMP_EQUAL, 0, 1, numbers[name]), (_RETURN, 0, 0, action)]


def _condition(rule: Rule, pid: int) -> list[Code]:
    """Instructions that return the rule's errno unless it holds; they fall through when it does."""
    low = _ARGUMENTS + 8 * rule.argument  # both architectures are little-endian
    refuse = (_RETURN, 0, 0, _ERRNO | getattr(errno, rule.errno))
    load = (_LOAD, 0, 0, low)
    if rule.null:
        return [load, (_JUMP_EQUAL, 1, 0, 0), refuse, (_LOAD, 0, 0, low + 4), (_JUMP_EQUAL, 1, 0, 0), refuse]
    if rule.deny_any_bit:
        return [load, (_JUMP_SET, 0, 1, _mask(rule.deny_any_bit)), refuse]
    if rule.deny_all_bits:
        mask = _mask(rule.deny_all_bits)
        return [load, (_AND, 0, 0, mask), (_JUMP_EQUAL, 0, 1, mask), refuse]
    if rule.need_all_bits:
        mask = _mask(rule.need_all_bits)
        return [load, (_AND, 0, 0, mask), (_JUMP_EQUAL, 1, 0, mask), refuse]
    values = [pid] if rule.own_pid else [CONSTANTS[v] if isinstance(v, str) else v for v in rule.one_of]
    tests = [(_JUMP_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
    return [load, *tests, refuse]


def _mask(names: tuple[str, ...]) -> int:
    mask = 0
    for name in names:
        mask |= CONSTANTS[name]
    return mask


def install(program: list[Code], seccomp_number: int) -> None:
    """Bind the filter to every thread of this process, for good. Raises ``OSError``."""
    instructions = (_Instruction * len(program))(*(_Instruction(*code) for code in program))
    header = _Program(len(program), instructions)
    kernel.syscall(seccomp_number, _SET_MODE_FILTER, _TSYNC, ctypes.byref(header))
