"""The system call tables in the source against the kernel's own (`syscall_tables.json`, from its headers)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.sandbox import syscalls
from grader.sandbox.policy import default

TABLES = json.loads((Path(__file__).with_name("syscall_tables.json")).read_text())
ONLY_X86 = {
    "open", "stat", "lstat", "poll", "access", "select", "dup2", "pause", "fork", "getdents", "readlink", "getpgrp",
    "modify_ldt", "arch_prctl", "iopl", "ioperm", "time",
}  # fmt: skip
"""Calls that aarch64, younger than they are, never had."""


@pytest.mark.parametrize(("architecture", "table"), [("x86_64", "x86_64"), ("aarch64", "generic")])
def test_numbers_are_the_kernels(architecture: str, table: str) -> None:
    ours = syscalls.ARCHITECTURES[architecture]
    assert ours.numbers == {name: TABLES[table].get(name) for name in ours.numbers}
    assert max(ours.numbers.values()) < ours.highest


def test_both_architectures_know_the_same_calls() -> None:
    assert set(syscalls.X86_64.numbers) - set(syscalls.AARCH64.numbers) == ONLY_X86
    assert set(syscalls.AARCH64.numbers) <= set(syscalls.X86_64.numbers)


def test_the_policy_names_nothing_else() -> None:
    policy = default()
    names = {*policy.allowed, *(rule.name for rule in policy.rule), *policy.absent.names, *policy.kill.names}
    probed = {"socket", "socketpair", "execve", "memfd_create", "fork", "truncate"}
    assert set(syscalls.X86_64.numbers) == names | probed


def test_an_unknown_machine_has_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert syscalls.here() is None
