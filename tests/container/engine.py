"""A container engine by bubblewrap: it carries out a Dockerfile's steps in a root and runs processes in the result."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from grader.sandbox import mounts, syscalls
from tests.container import dockerfile
from tests.container.dockerfile import ROOT, Stage
from tests.hostile.setups import profile

UID = 10001
"""The image's user. The Dockerfile says so too, and a test compares them."""


def debian(folder: Path) -> None:
    """A root with Debian and Python, which stands for the base image."""
    suite = ["--variant=minbase", "--include=python3,python3-venv,ca-certificates", "bookworm", str(folder)]
    subprocess.run(["debootstrap", *suite], check=True, stdout=subprocess.DEVNULL)
    (folder / "usr/local/bin/python").symlink_to("/usr/bin/python3")


def wheels(folder: Path) -> None:
    """Download every package that the image installs; the build itself has no network."""
    pinned = (ROOT / "constraints.txt").read_text().splitlines()
    hatchling = next(line for line in pinned if line.startswith("hatchling=="))
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "-w", str(folder), "-c", "constraints.txt", ".", hatchling],
        cwd=ROOT,
        check=True,
    )
    for built in folder.glob("assay-*.whl"):
        built.unlink()  # the image builds its own


def build(base: Path, packages: Path, into: Path) -> Path:
    """Carry out every stage, each in its own copy of the base. Returns the root of the last."""
    roots: dict[str | None, Path] = {}
    for number, stage in enumerate(dockerfile.stages()):
        root = into / f"stage-{number}"
        subprocess.run(["cp", "-a", str(base), str(root)], check=True)
        _carry_out(stage, root, packages, roots)
        roots[stage.name] = root
    return root


def _carry_out(stage: Stage, root: Path, packages: Path, earlier: Mapping[str | None, Path]) -> None:
    directory = Path("/")
    for step in stage.steps:
        if step.word == "WORKDIR":
            directory = Path(step.rest)
            _within(root, directory).mkdir(parents=True, exist_ok=True)
        elif step.word == "COPY":
            _copy(step.rest, root, directory, earlier)
        elif step.word == "RUN":
            print(f"RUN {step.rest}", flush=True)
            _run(step.rest, root, directory, packages, stage.variables)


def _within(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _copy(rest: str, root: Path, directory: Path, earlier: Mapping[str | None, Path]) -> None:
    words = rest.split()
    target = _within(root, directory / words[-1])
    if words[0].startswith("--from="):
        (source,) = words[1:-1]
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", f"{earlier[words[0].removeprefix('--from=')]}{source}", str(target)], check=True)
        return
    for source in words[:-1]:
        for name in dockerfile.context():
            if name == source or name.startswith(f"{source}/"):
                inside = target / name.removeprefix(f"{source}/") if name != source else target
                if name == source and words[-1].endswith("/"):
                    inside = target / name
                inside.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, inside)


def _run(command: str, root: Path, directory: Path, packages: Path, variables: Mapping[str, str]) -> None:
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    (root / "wheels").mkdir(exist_ok=True)
    wheels = ["--ro-bind", str(packages), "/wheels"]
    options = ["--bind", str(root), "/", *wheels, "--dev", "/dev", "--proc", "/proc", "--cap-add", "ALL"]
    subprocess.run(
        ["bwrap", *options, "--unshare-net", "--chdir", str(directory), "/bin/sh", "-c", command],
        env={**variables, **offline, "HOME": "/root", "LANG": "C.UTF-8"},
        check=True,
    )


Become = Callable[[], None]


def become_user() -> None:
    """Change to the image's user."""
    mounts.become_user(UID)


class Running:
    """A process of a container, with its log."""

    def __init__(self, process: subprocess.Popen[bytes], inside: int, log: Path) -> None:
        self._process = process
        self._inside = inside
        self.log = log

    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def stop(self, seconds: float = 40) -> int:
        """Send SIGTERM to the first process, as `docker stop` does. Returns its exit code."""
        os.kill(self._inside, signal.SIGTERM)
        return self._process.wait(seconds)

    def close(self) -> None:
        """Stop the process, by force after a minute."""
        if not self.ended():
            try:
                self.stop(60)
            except subprocess.TimeoutExpired:
                self._process.kill()  # what is inside dies with it
                self._process.wait()


class Container:
    """Processes of one image as its own user: read-only root, one volume, `/tmp` in memory, no capability, no new
    privileges, the calls refused that an engine's default profile refuses."""

    def __init__(
        self,
        root_options: Sequence[str],
        volume: Path,
        variables: Mapping[str, str],
        become: Become,
        extra_options: Sequence[str] = (),
    ) -> None:
        """``root_options`` are options of bubblewrap that mount the root, ``extra_options`` those below its `/tmp`.

        ``become`` changes the user, in the new process.
        """
        self.variables = dict(variables)
        self._become = become
        fresh = ["--dev", "/dev", "--proc", "/proc", "--size", str(256 << 20), "--tmpfs", "/tmp"]
        self._mounts = [*root_options, *fresh, *extra_options, "--dir", "/var/lib/assay", "--remount-ro", "/"]
        self._mounts += ["--bind", str(volume), "/var/lib/assay"]

    @contextlib.contextmanager
    def start(self, command: Sequence[str], log: Path, **more: str) -> Iterator[Running]:
        """A process of the container, ended with the block."""
        read_end, write_end = os.pipe()
        with log.open("wb") as out, _filter() as number, os.fdopen(read_end) as info:
            process = subprocess.Popen(
                self._command_line(number, ["--info-fd", str(write_end), *command]),
                env={**self.variables, **more},
                stdout=out,
                stderr=subprocess.STDOUT,
                pass_fds=[number, write_end],
                preexec_fn=self._become,
            )
            os.close(write_end)
            inside = json.loads(info.read())["child-pid"]
        running = Running(process, inside, log)
        try:
            yield running
        finally:
            running.close()

    def run(self, command: Sequence[str], **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        with _filter() as number:
            return subprocess.run(
                self._command_line(number, command),
                env={**self.variables, **more},
                capture_output=True,
                text=True,
                timeout=240,
                pass_fds=[number],
                preexec_fn=self._become,
            )

    def _command_line(self, number: int, command: Sequence[str]) -> list[str]:
        outside = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--new-session", "--die-with-parent"]
        # An engine's init forwards signals and bubblewrap's does not, so the command itself is the first process.
        outside += ["--as-pid-1", "--chdir", "/var/lib/assay"]
        return ["bwrap", *self._mounts, *outside, "--seccomp", str(number), *command]


@contextlib.contextmanager
def _filter() -> Iterator[int]:
    """A descriptor from which bubblewrap reads the engine's filter."""
    here = syscalls.here()
    assert here is not None
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in profile(here))
    number = os.memfd_create("profile", 0)
    try:
        os.write(number, code)
        os.lseek(number, 0, os.SEEK_SET)
        yield number
    finally:
        os.close(number)
