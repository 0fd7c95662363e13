"""A slice of `python -m tests.container`: what the files say, and a service under their conditions."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import site
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import yaml  # type: ignore[import-untyped]

from app.settings import Settings
from grader.sandbox import mounts
from grader.sandbox.policy import default
from tests.container import autograder, dockerfile, engine
from tests.container.__main__ import TOKEN, wait_until_healthy
from tests.container.dockerfile import ROOT
from tests.container.engine import Container
from tests.integration.postgresql import free_port
from tests.unit.test_cli_help import COMMANDS

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if service.get("image") == "assay"}
_OUTSIDE = re.compile(r"\$\{(\w+):\?")
"""A variable that must come from whoever starts the services."""


def test_every_copied_file_is_there_and_let_into_the_build() -> None:
    build, final = dockerfile.stages()
    sent = dockerfile.context()
    copied = [line.split() for stage in (build, final) for line in stage.all("COPY") if not line.startswith("--from")]
    for *sources, _ in copied:
        for source in sources:
            assert [name for name in sent if name == source or name.startswith(f"{source}/")], source
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    packages = ("app/", "grader/", "migrations/", "reference_models/")
    assert {name for name in tracked if name.startswith(packages)} <= set(sent)
    assert not [name for name in sent if re.search(r"^(var|tests|\.venv|\.git)/|__pycache__|\.env$", name)]


def test_the_last_stage_holds_no_more_than_it_needs() -> None:
    build, final = dockerfile.stages()
    assert final.last("USER") == "assay"
    (made,) = final.all("RUN")
    assert made.count(str(engine.UID)) == 3
    assert "pip" not in made
    assert final.last("VOLUME") == final.variables["ASSAY_DATA_DIR"] == "/var/lib/assay"
    assert final.last("EXPOSE") == final.variables["ASSAY_PORT"]
    assert build.base == final.base
    assert f"FROM {final.base}".startswith("FROM python:3.11-")  # the version that constraints.txt was made with
    assert {name for name in final.variables if name.startswith("ASSAY_")} <= set(variables())


def variables() -> list[str]:
    """The variables of all settings."""
    return [f"ASSAY_{name.upper()}" for name in Settings.model_fields]


def test_the_compose_file_is_one_by_the_published_schema() -> None:
    vendor = files("check_jsonschema") / "builtin_schemas" / "vendor"
    text = (vendor / "compose-spec.json").read_bytes()
    assert hashlib.sha256(text).hexdigest() == (vendor / "sha256" / "compose-spec.sha256").read_text().strip()
    schema = jsonschema_rs.validator_for(json.loads(text))
    schema.validate(COMPOSE)
    for service, key, nonsense in (("worker", "cap_drop", "ALL"), ("service", "prots", []), ("worker", "tmpfs", 1)):
        wrong = json.loads(json.dumps(COMPOSE))
        wrong["services"][service][key] = nonsense
        assert not schema.is_valid(wrong), key


def test_the_services_fit_the_image() -> None:
    final = dockerfile.stages()[-1]
    assert set(OURS) == {"migrate", "service", "worker"}
    for name, service in OURS.items():
        assert set(service["environment"]) <= {*variables(), "FORWARDED_ALLOW_IPS"}, name
        assert [volume.split(":")[1] for volume in service["volumes"]] == [final.last("VOLUME")]
        assert [place.split(":")[0] for place in service["tmpfs"]] == ["/tmp"]
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(COMPOSE["volumes"])
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])
    (port,) = OURS["service"]["ports"]
    assert port.startswith("127.0.0.1:"), "a proxy in front speaks HTTPS"
    assert port.endswith(f":{final.last('EXPOSE')}")
    assert not [name for name, service in OURS.items() if name != "service" and "ports" in service]
    secrets = {match for text in re.findall(r"\$\{[^}]*\}", (ROOT / "compose.yaml").read_text()) for match in [text]}
    assert all(_OUTSIDE.match(text) for text in secrets if not text.endswith(":-}")), (
        "a missing password must stop the start"
    )
    postgres = COMPOSE["services"]["database"]["environment"]
    url = OURS["worker"]["environment"]["ASSAY_DATABASE_URL"]
    password = postgres["POSTGRES_PASSWORD"]
    assert url == f"postgresql://{postgres['POSTGRES_USER']}:{password}@database/{postgres['POSTGRES_DB']}"


def test_the_autograders_zip_holds_what_its_scripts_use(tmp_path: Path) -> None:
    with zipfile.ZipFile(autograder.pack(tmp_path)) as zipped:
        names = zipped.namelist()
        scripts = {name: zipped.read(name).decode() for name in ("setup.sh", "run_autograder")}
        pinned = zipped.read("constraints.txt").decode()
    assert pinned == (ROOT / "constraints.txt").read_text()
    used = re.findall(r"/autograder/source/(\S+)", scripts["setup.sh"])
    assert used
    assert [pattern for pattern in used if not any(fnmatch(name, pattern) for name in names)] == []
    for script in scripts.values():
        assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
        for line in re.findall(r"^(?:exec )?/opt/assay/bin/assay (.+)$", script, re.M):
            words = shlex.split(line)
            known = {text for option in COMMANDS[words[0]].params for text in option.opts}
            assert {word for word in words if word.startswith("--")} <= known


@pytest.fixture
def container() -> Iterator[Container]:
    """This environment under the image's conditions: another user, a root with little in it, all of it read-only."""
    assert shutil.which("bwrap"), "these tests need bubblewrap; run tests/install-system-packages"
    needed = [Path(sys.base_prefix), Path(sys.prefix), *map(Path, site.getsitepackages()), ROOT]
    root_options = [option for name in ("usr", "etc") for option in ("--ro-bind", f"/{name}", f"/{name}")]
    for link in ("bin", "lib", "lib64", "sbin"):
        root_options += ["--symlink", f"usr/{link}", f"/{link}"]
    outside = sorted({str(path.resolve()) for path in needed if not path.resolve().is_relative_to("/usr")})
    extra_options = [option for path in outside for option in ("--ro-bind", path, path)]
    final, root = dockerfile.stages()[-1], os.geteuid() == 0
    user = mounts.free_uid(default().server.free_uid + 2)

    def become() -> None:
        if root:
            mounts.expose(needed)
            mounts.become_user(user)

    path = f"{sys.prefix}/bin:/usr/bin:/bin"
    with tempfile.TemporaryDirectory(prefix="assay-volume-") as volume:
        if root:
            os.chown(volume, user, user)
        variables = {**final.variables, "PATH": path, "HOME": "/nonexistent"}
        yield Container(root_options, Path(volume), variables, become, extra_options)


def test_the_service_runs_on_a_read_only_root(container: Container, tmp_path: Path) -> None:
    final, port = dockerfile.stages()[-1], str(free_port())
    refused = container.run(["python", "-c", "import os; print(os.getuid()); open('/more', 'w')"])
    assert refused.stdout != "0\n"
    assert "Read-only file system" in refused.stderr
    more = {"ASSAY_PORT": port, "ASSAY_ADMIN_TOKEN": TOKEN, "ASSAY_WORKERS": "1"}
    with container.start(final.command, tmp_path / "log", **more) as running:
        assert container.run(final.healthcheck, ASSAY_PORT=port).returncode != 0
        wait_until_healthy(container, port, running)
        sandbox = httpx.get(
            f"http://127.0.0.1:{port}/api/v1/sandbox", headers={"Authorization": f"Bearer {TOKEN}"}
        ).json()
        layers = {layer["name"]: layer["on"] for layer in sandbox["layers"]}
        assert (sandbox["floor"], layers["namespaces"]) == ("met", False)
        assert running.stop() == 0, running.log.read_text()[-2000:]
    assert container.run(final.healthcheck, ASSAY_PORT=port).returncode != 0
