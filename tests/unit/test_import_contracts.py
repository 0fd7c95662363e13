"""An import that a contract in `pyproject.toml` forbids makes `make lint` fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "grader/checks/kd_loss/binding.py": "from grader.sandbox.harness import loss",
    "grader/measure/network.py": "import grader.sandbox.harness.serving",
    "grader/sandbox/supervisor.py": "from grader.sandbox import forkserver",
    "app/cli.py": "from grader.sandbox.harness.export import onnx_bytes",
}
LINKS = (
    "grader.checks.kd_loss.binding -> grader.sandbox.harness.loss",
    "grader.measure.network -> grader.sandbox.harness.serving",
    "grader.sandbox.supervisor -> grader.sandbox.forkserver",
    "app.cli -> grader.sandbox.harness.export",
)


def test_forbidden_imports_break_the_contracts(tmp_path: Path) -> None:
    circle = {"grader/sandbox/policy.py": "from grader.sandbox import seccomp"}  # which imports the policy
    result = lint_imports(tmp_path, FORBIDDEN | circle)
    assert result.returncode == 1, result.stdout
    assert [link for link in LINKS if link not in result.stdout] == []
    assert "Only the fork server imports the harness, which touches live student objects BROKEN" in result.stdout
    assert "No circle among the sandbox's files BROKEN" in result.stdout


def lint_imports(folder: Path, imports: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the linter on a copy of the code with one more import in each of these files, inside a function."""
    for package in ("app", "grader", "reference_models"):
        shutil.copytree(ROOT / package, folder / package, ignore=lambda _, names: {n for n in names if _is_data(n)})
    shutil.copy(ROOT / "pyproject.toml", folder)
    for path, statement in imports.items():
        with open(folder / path, "a", encoding="utf-8") as file:
            file.write(f"\n\ndef _imports_more() -> None:\n    {statement}\n")
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def _is_data(name: str) -> bool:
    return "." in name and not name.endswith(".py")
