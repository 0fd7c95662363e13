"""A slice of the hostile submissions as an ordinary user: under a container's profile, and inside bubblewrap.

The whole of them runs by `python -m tests.hostile.setups`; see the README beside this file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from grader.sandbox.supervisor import Sandbox

SLICE = [
    "processes/fork_bomb_is_refused",
    "processes/thread_bomb_is_stopped",
    "signals/kill_of_a_neighbour_is_refused",
    "signals/ptrace_of_the_fork_server_is_killed",
    "network/tcp_is_refused",
    "kernel/user_namespaces_are_killed",
    "kernel/machine_code_of_32_bit_is_killed",
    "files/password_file_is_closed",
    "files/keys_of_the_assignment_are_closed",
    "limits/page_tables_hit_the_memory_limit",
    "output/flood_is_stopped",
    "forging/frame_beside_the_answer_is_refused",
    "forging/exported_decoy_needs_review",
    "checkpoints/stride_bomb_hits_the_memory_limit",
    "source/immediate_exit_is_a_death",
]
WITHIN = os.environ.get("ASSAY_TEST_SETUP")


@pytest.mark.skipif(WITHIN is not None, reason="this is such a set-up")
@pytest.mark.parametrize(
    ("setup", "step"),
    [
        ("container", 3),
        pytest.param("container", 1, marks=pytest.mark.thorough),
        pytest.param("bubblewrap", 2, marks=pytest.mark.thorough),
    ],
)
def test_the_slice_ends_as_it_must(setup: str, step: int) -> None:
    if setup == "bubblewrap" and not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed: it is an extra layer")
    names = SLICE[::step]
    test_ids = [f"tests/hostile/test_submissions.py::test_it_ends_as_it_must[{name}]" for name in names]
    place = "tests/hostile/test_setups.py::test_where_this_runs"
    run = subprocess.run(
        [sys.executable, "-m", "tests.hostile.setups", setup, "-q", place, *test_ids],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    assert re.search(rf"^{len(names) + 1} passed", run.stdout, re.M), run.stdout[-1000:]


def test_where_this_runs(sandbox: Sandbox) -> None:
    """The floor is met everywhere; the layers beyond it are as the set-up has them."""
    namespaces = next(layer for layer in sandbox.report["layers"] if layer["name"] == "namespaces")
    assert sandbox.report["floor"] == "met"
    if WITHIN is not None:
        assert os.getuid() != 0
        assert sandbox.report["uid"] == os.getuid()
    if WITHIN == "container":
        assert not namespaces["on"]
        with pytest.raises(PermissionError):
            _unshare_user()


def _unshare_user() -> None:
    from grader.sandbox import kernel

    kernel.unshare(kernel.CLONE_NEWUSER)
