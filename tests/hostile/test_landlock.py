"""Landlock at every ABI up to this kernel's, by the attempts of a process that is bound to it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from grader.sandbox import landlock, policy, syscalls
from grader.sandbox.supervisor import Sandbox
from tests.hostile.children import run_source

pytestmark = pytest.mark.usefixtures("warm_fork_servers")
HERE = syscalls.here()
NEWEST = landlock.abi(HERE) if HERE else 0
PROGRAM = """
import os, sys
from grader.sandbox import kernel, landlock, syscalls

here, version, allowed, outside = syscalls.here(), int(sys.argv[1]), sys.argv[2], sys.argv[3]
parent = os.getppid()
kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
landlock.restrict(here, landlock.ruleset(here, version, [allowed, "/nonexistent"]))
def tries(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "done"
print(
    tries(lambda: open(allowed + "/file").read()),
    tries(lambda: open(outside + "/file").read()),
    tries(lambda: os.listdir(outside)),
    tries(lambda: open(allowed + "/file", "w")),
    tries(lambda: open(outside + "/new", "w")),
    tries(lambda: os.truncate(outside + "/file", 0)),
    tries(lambda: os.kill(parent, 0)),
)
"""


@pytest.mark.parametrize("version", range(1, 8))
def test_files_are_confined_at_every_version(version: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    if version > NEWEST:
        pytest.skip(f"this kernel's Landlock has ABI {NEWEST}")
    allowed, outside = tmp_path_factory.mktemp("allowed"), tmp_path_factory.mktemp("outside")
    for folder in (allowed, outside):
        (folder / "file").write_text("content")
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(version), str(allowed), str(outside)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    refused = "PermissionError"
    truncated, killed = refused if version >= 3 else "done", refused if version >= 6 else "done"
    expected = ["done", refused, refused, refused, refused, truncated, killed]
    assert result.stdout.split() == expected, result.stderr


def test_the_oldest_version_is_enough_for_the_floor() -> None:
    """The system call filter refuses truncation and signals, which ABI 1 allows."""
    with Sandbox(policy.default().model_copy(update={"landlock_abi": 1})) as sandbox, sandbox.child() as child:
        assert sandbox.report["landlock_abi"] == 1
        assert sandbox.report["floor"] == "met"
        for attack in ("os.truncate(os.__file__, 0)", "os.kill(os.getppid(), 0)"):
            reply = run_source(child, f"import os\n{attack}")
            assert reply.error is not None
            assert reply.error.type == "PermissionError"
