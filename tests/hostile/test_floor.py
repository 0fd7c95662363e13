"""A layer of the floor left out on purpose: the sandbox refuses to start, and names that layer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.sandbox import kernel, policy
from grader.sandbox.policy import Layer
from grader.sandbox.supervisor import FloorNotMet, Sandbox
from tests import warm_processes

pytestmark = pytest.mark.usefixtures("warm_fork_servers")

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's child has no such layer to lose")
NOT_YET_SET = pytest.mark.skipif(
    kernel.prctl(kernel.PR_GET_NO_NEW_PRIVS) == 1, reason="this process was started with it, and children inherit it"
)
NAMED: dict[Layer, str] = {"landlock": "files"}
"""The floor calls a layer by what it achieves: Landlock confines files."""


@pytest.mark.parametrize(
    "layer",
    [
        "seccomp",
        "landlock",
        "rlimits",
        pytest.param("no_new_privs", marks=NOT_YET_SET),
        pytest.param("capabilities", marks=AS_ROOT),
        pytest.param("uid", marks=AS_ROOT),
    ],
)
def test_a_missing_layer_is_named(layer: Layer) -> None:
    sandbox = Sandbox(policy.default().model_copy(update={"without": frozenset({layer})}))
    with pytest.raises(FloorNotMet) as refused:
        sandbox.start()
    assert set(refused.value.missing) == {NAMED.get(layer, layer)}
    assert sandbox.report["floor"] == "not met"
    assert sandbox.server_pid is None


def test_the_whole_floor_is_met_here(sandbox: Sandbox) -> None:
    assert sandbox.report["floor"] == "met"
    assert all(layer["on"] for layer in sandbox.report["layers"] if layer["floor"])


def test_limits_beyond_what_the_machine_allows_are_named() -> None:
    low = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512)); "
    program = low + (
        "import sys; from grader.sandbox import policy, supervisor; from tests import warm_processes\n"
        "from grader.sandbox.supervisor import FloorNotMet, Sandbox\n"
        "supervisor.subprocess = warm_processes.use_warm_fork_servers(sys.argv[1])\n"
        "limits = policy.default().limits.override({'open_files': 1000})\n"
        "try: Sandbox(policy.default().model_copy(update={'limits': limits})).start()\n"
        "except FloorNotMet as error: print(sorted(error.missing))\n"
    )
    command = [sys.executable, "-c", program, warm_processes.address("fork server")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.stdout == "['rlimits']\n", result.stderr


def test_the_drill_is_seen_from_a_shell(tmp_path: Path) -> None:
    (tmp_path / "assay").write_text(warm_processes.script("from app.cli import main; main()"))
    result = subprocess.run(
        [sys.executable, tmp_path / "assay", "doctor"],
        env={**os.environ, policy.DRILL: "seccomp"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 78
    assert "seccomp: socket went through" in result.stderr


def test_a_sandbox_that_was_not_proved_gives_no_child() -> None:
    with pytest.raises(Exception, match="not started"), Sandbox().child():
        pass
