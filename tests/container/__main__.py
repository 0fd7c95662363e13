"""``python -m tests.container``: build the image's root step by step, without a container engine, and serve from it.

Needs root, debootstrap with a mirror of Debian, and some minutes; ``--base`` and ``--wheels`` keep the downloads.
The service alone grades the example on SQLite, then the services of `compose.yaml` grade it on a PostgreSQL of its own,
all as the Dockerfile and the compose file say. Then the Gradescope autograder is set up and run in its own root.
Exits 1 at the first failed check.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import yaml  # type: ignore[import-untyped]

from tests.container import autograder, dockerfile, engine
from tests.container.engine import Container, Running
from tests.integration.postgresql import Server, free_port

TOKEN = "sesame-for-the-container"
EXAMPLE = dockerfile.ROOT / "examples/hw13"


def main() -> None:
    """Build the image's root and check it, then the autograder."""
    parser = argparse.ArgumentParser(prog="python -m tests.container", description=__doc__)
    parser.add_argument("--base", type=Path, help="a root with Debian and Python; made if missing")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels; filled if missing")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-container-") as name:
        folder = Path(name)
        base, wheels = chosen.base or folder / "base", chosen.wheels or folder / "wheels"
        if not base.exists():
            engine.debian(base)
        if not wheels.exists():
            wheels.mkdir(parents=True)
            engine.wheels(wheels)
        folder.chmod(0o755)
        root = engine.build(base, wheels, folder)
        check_image(root, folder)
        autograder.check(base, wheels, folder)


def check_image(root: Path, folder: Path) -> None:
    """Run the image in a folder of its own and check each promise of its files."""
    stage = dockerfile.stages()[-1]
    account = next(line for line in (root / "etc/passwd").read_text().splitlines() if line.startswith("assay:"))
    assert account.split(":")[2:4] == [str(engine.UID)] * 2, account
    place = root / "var/lib/assay"
    assert (place.stat().st_uid, place.stat().st_gid) == (engine.UID, engine.UID)
    assert not [path for name in ("tests", "docs", ".git") for path in root.glob(f"opt/assay/**/site-packages/{name}")]

    alone = Container(["--ro-bind", str(root), "/"], _volume(folder, "alone"), stage.variables, engine.become_user)
    refused = alone.run(["python", "-c", "open('/opt/assay/more', 'w')"])
    assert "Read-only file system" in refused.stderr, refused
    doctor = json.loads(alone.run([*stage.entrypoint, "doctor", "--json"]).stdout)
    layers = {layer["name"]: layer["on"] for layer in doctor["sandbox"]["layers"]}
    print("layers under an engine's default profile:", json.dumps(layers), flush=True)
    assert doctor["sandbox"]["floor"] == "met"
    assert not layers["namespaces"]
    serve_alone(alone, folder)
    as_composed(root, folder)
    print("the image builds, serves and stops as its files say")


def serve_alone(container: Container, folder: Path) -> None:
    """The image without arguments: one process on SQLite in the volume."""
    port = str(free_port())
    stage = dockerfile.stages()[-1]
    start = time.monotonic()
    with container.start(stage.command, folder / "alone.log", ASSAY_PORT=port, ASSAY_ADMIN_TOKEN=TOKEN) as process:
        assert container.run(stage.healthcheck, ASSAY_PORT=port).returncode != 0, "healthy before it has started"
        wait_until_healthy(container, port, process)
        print(f"healthy after {time.monotonic() - start:.0f} s", flush=True)
        report = grade_example(port)
        print("the example:", report["score"], "of", report["max_score"], flush=True)
        assert report["score"] == 3.75
        assert process.stop() == 0, process.log.read_text()[-2000:]


def as_composed(root: Path, folder: Path) -> None:
    """The services of `compose.yaml`, in the order in which they depend on each other."""
    services: dict[str, Any] = yaml.safe_load((dockerfile.ROOT / "compose.yaml").read_text())["services"]
    server, port, stage = Server(), str(free_port()), dockerfile.stages()[-1]
    variables = {**stage.variables, "ASSAY_PORT": port, "ASSAY_DATABASE_URL": server.create("assay")}
    volume = _volume(folder, "composed")
    container = Container(["--ro-bind", str(root), "/"], volume, variables, engine.become_user)
    try:
        done = container.run([*stage.entrypoint, *services["migrate"]["command"]])
        assert done.returncode == 0, done.stderr
        service, worker = ([*stage.entrypoint, *services[name]["command"]] for name in ("service", "worker"))
        with (
            container.start(service, folder / "service.log", ASSAY_ADMIN_TOKEN=TOKEN) as process,
            container.start(worker, folder / "worker-1.log", ASSAY_EXECUTOR_ID="one"),
            container.start(worker, folder / "worker-2.log", ASSAY_EXECUTOR_ID="two"),
        ):
            wait_until_healthy(container, port, process)
            assert grade_example(port)["score"] == 3.75
            with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
                listed = client.get(f"http://127.0.0.1:{port}/api/v1/admin/workers").json()
            print("workers:", len(listed["workers"] if isinstance(listed, dict) else listed), flush=True)
    finally:
        server.stop()


def wait_until_healthy(container: Container, port: str, running: Running) -> None:
    """Repeat the image's health check until it succeeds, for as long as an engine would."""
    until = time.monotonic() + 120
    check = dockerfile.stages()[-1].healthcheck
    while container.run(check, ASSAY_PORT=port).returncode != 0:
        assert not running.ended(), running.log.read_text()
        assert time.monotonic() < until, running.log.read_text()
        time.sleep(0.5)


def grade_example(port: str) -> dict[str, Any]:
    """Submit the example as the admin, for a student, and wait for its report."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers, timeout=90) as client:
        person = {"login": "student", "name": "Student", "role": "student", "student_id": "S1"}
        assert client.post("/admin/users", json=person).status_code == 201
        parts = {"model": "model.py", "loss": "loss.py", "summary": "summary.txt", "answers": "answers.json"}
        files = {part: (name, (EXAMPLE / name).read_bytes()) for part, name in parts.items()}
        files["pruning_plot"] = ("pruning.png", (EXAMPLE / "pruning.png").read_bytes())
        answer = client.post("/submissions", data={"assignment": "hw13", "student": "student"}, files=files)
        assert answer.status_code == 202, answer.text
        where = f"/submissions/{answer.json()['id']}"
        until = time.monotonic() + 900
        while True:
            report: dict[str, Any] = client.get(where, params={"wait": 60}).json()
            if report["state"] not in ("queued", "running"):
                assert report["state"] == "graded", report["fault"]
                return report
            assert time.monotonic() < until, report["progress"]


def _volume(folder: Path, name: str) -> Path:
    volume = folder / name
    volume.mkdir()
    os.chown(volume, engine.UID, engine.UID)
    return volume


if __name__ == "__main__":
    main()
