"""What a container engine does, by bubblewrap: carries out a Dockerfile's steps in a root, and runs from the result."""

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
    """Everything that the image installs, fetched with this machine's settings of pip; the build has no network."""
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
    where = Path("/")
    for step in stage.steps:
        if step.word == "WORKDIR":
            where = Path(step.rest)
            _within(root, where).mkdir(parents=True, exist_ok=True)
        elif step.word == "COPY":
            _copy(step.rest, root, where, earlier)
        elif step.word == "RUN":
            print(f"RUN {step.rest}", flush=True)
            _run(step.rest, root, where, packages, stage.variables)


def _within(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _copy(rest: str, root: Path, where: Path, earlier: Mapping[str | None, Path]) -> None:
    words = rest.split()
    target = _within(root, where / words[-1])
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


def _run(command: str, root: Path, where: Path, packages: Path, variables: Mapping[str, str]) -> None:
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    (root / "wheels").mkdir(exist_ok=True)
    bound = ["--bind", str(root), "/", "--ro-bind", str(packages), "/wheels", "--dev", "/dev", "--proc", "/proc"]
    subprocess.run(
        ["bwrap", *bound, "--cap-add", "ALL", "--unshare-net", "--chdir", str(where), "/bin/sh", "-c", command],
        env={**variables, **offline, "HOME": "/root", "LANG": "C.UTF-8"},
        check=True,
    )


Become = Callable[[], None]


def users_own() -> None:
    """Become the image's user."""
    mounts.become_user(UID)


class Running:
    """A process of a container, with its log."""

    def __init__(self, process: subprocess.Popen[bytes], inside: int, log: Path) -> None:
        self._process = process
        self._inside = inside
        self.log = log

    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def stop(self, seconds: float = 40) -> int:
        """Ask it to end as `docker stop` asks the first process. Returns its exit code."""
        os.kill(self._inside, signal.SIGTERM)
        return self._process.wait(seconds)

    def close(self) -> None:
        """Make sure that nothing is left."""
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
        laid: Sequence[str],
        volume: Path,
        variables: Mapping[str, str],
        become: Become,
        besides: Sequence[str] = (),
    ) -> None:
        """``laid`` are bubblewrap's options that lay the root, ``besides`` those for what may lie below its `/tmp`.

        ``become`` changes the user, in the new process.
        """
        self.variables = dict(variables)
        self._become = become
        fresh = ["--dev", "/dev", "--proc", "/proc", "--size", str(256 << 20), "--tmpfs", "/tmp"]
        self._mounts = [*laid, *fresh, *besides, "--dir", "/var/lib/assay", "--remount-ro", "/"]
        self._mounts += ["--bind", str(volume), "/var/lib/assay"]

    @contextlib.contextmanager
    def start(self, command: Sequence[str], log: Path, **more: str) -> Iterator[Running]:
        """A process of the container, ended with the block."""
        told, tell = os.pipe()
        with log.open("wb") as out, _filter() as number, os.fdopen(told) as told_pid:
            process = subprocess.Popen(
                self._line(number, ["--info-fd", str(tell), *command]),
                env={**self.variables, **more},
                stdout=out,
                stderr=subprocess.STDOUT,
                pass_fds=[number, tell],
                preexec_fn=self._become,
            )
            os.close(tell)
            inside = json.loads(told_pid.read())["child-pid"]
        running = Running(process, inside, log)
        try:
            yield running
        finally:
            running.close()

    def run(self, command: Sequence[str], **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        with _filter() as number:
            return subprocess.run(
                self._line(number, command),
                env={**self.variables, **more},
                capture_output=True,
                text=True,
                timeout=240,
                pass_fds=[number],
                preexec_fn=self._become,
            )

    def _line(self, number: int, command: Sequence[str]) -> list[str]:
        outside = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--new-session", "--die-with-parent"]
        # The engine's own init hands signals on; bubblewrap's does not, so the command is the first process itself.
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
