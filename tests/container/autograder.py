"""The Gradescope autograder of `examples/gradescope`, from its zip to its results, in a root like Gradescope's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import jsonschema_rs
from hatchling.builders.wheel import WheelBuilder

from tests.container.dockerfile import ROOT

EXAMPLE = ROOT / "examples/gradescope"
SCHEMA = ROOT / "tests/unit/exports/gradescope_results.schema.json"


def pack(folder: Path) -> Path:
    """The zip that its README makes, of the files that the README names."""
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder / "wheel"), versions=["standard"])
    (line,) = re.findall(r"&& zip autograder\.zip (.+)$", (EXAMPLE / "README.md").read_text(), re.M)
    places = {"constraints.txt": ROOT / "constraints.txt", "assay-*.whl": Path(built)}
    with zipfile.ZipFile(folder / "autograder.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in line.split():
            source = places.get(name, EXAMPLE / name)
            zipped.write(source, source.name)
    return folder / "autograder.zip"


def check(base: Path, wheels: Path, folder: Path) -> None:
    """Build the image as Gradescope does, grade the example as Gradescope does, and check the results file."""
    root = folder / "gradescope"
    subprocess.run(["cp", "-a", str(base), str(root)], check=True)
    source, submission, results = (root / "autograder" / name for name in ("source", "submission", "results"))
    for path in (source, results):
        path.mkdir(parents=True)
    with zipfile.ZipFile(pack(folder)) as zipped:
        zipped.extractall(source)
    shutil.copy(source / "run_autograder", root / "autograder")
    shutil.copytree(ROOT / "examples/hw13", submission)
    _run_in(root, wheels, "bash /autograder/source/setup.sh")
    _run_in(root, wheels, "chmod +x /autograder/run_autograder && /autograder/run_autograder")
    report = json.loads((results / "results.json").read_text())
    jsonschema_rs.validator_for(json.loads(SCHEMA.read_text())).validate(report)
    assert report["score"] == 3.75, report
    assert len(report["tests"]) == 6
    print("the autograder's results:", report["score"], "points in", len(report["tests"]), "tests", flush=True)


def _run_in(root: Path, wheels: Path, command: str) -> None:
    """Run a command as root with the network, for apt-get; Python packages come from the folder of wheels."""
    (root / "wheels").mkdir(exist_ok=True)
    files = ["--ro-bind", "/etc/resolv.conf", "/etc/resolv.conf", "--ro-bind", str(wheels), "/wheels"]
    options = ["--bind", str(root), "/", "--dev", "/dev", "--proc", "/proc", *files, "--cap-add", "ALL"]
    variables = {"PATH": "/usr/bin:/usr/sbin:/bin:/sbin", "HOME": "/root", "LANG": "C.UTF-8"}
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(
        ["bwrap", *options, "--chdir", "/", "/bin/bash", "-c", command],
        env=variables | offline,
        check=True,
        timeout=900,
    )
