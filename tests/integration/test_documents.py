"""Every command that the documents show is run, document by document, or stands in a list with the reason why not."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from tests import warm_processes
from tests.command_line import train_briefly
from tests.integration.budgets import brief, publish_brief
from tests.integration.service import Site, environment
from tests.unit.test_cli import MAIN
from tests.unit.test_cli_help import COMMANDS

IN_A_MOMENT = (
    "from grader.checks.pruning import distillation, later; distillation.MAX_STEPS = 8; "
    f"later._affordable_indices = lambda available, *_: later._even_indices(available, 44); {MAIN}"
)
"""The commands with the shortest training there is, measured on few pictures: what it teaches is not looked at."""

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
_PROGRAMS = "assay .venv/bin/assay curl cp cd sed make docker python python3 pip zip apt-get pg_dump pg_restore sqlite3"
SHELL = (*(f"{program} " for program in _PROGRAMS.split()), "id=$(", "tag=$(")
NOT_RUN = {
    r"make (run|test|bench)": "CI runs `make test`; `make run` is `assay demo`, tested in tests/unit/test_cli_demo.py",
    r"docker ": "needs a container engine",
    r"curl -X PUT .*/extensions/": "tests/integration/test_deadlines.py gives one, in an assignment with a deadline",
    r"assay extensions grant": "tests/unit/test_cli_class.py grants some, in an assignment with a deadline",
    r"apt-get ": "changes the machine",
    r"python -m reference_models\.": "a quarter of an hour; tests/unit/reference_models checks what it made",
    r"python -m tests\.": "the long form of a command of which the tests run a slice",
    r"assay dataset import ": "needs the real pictures; tests/unit/data imports made-up ones",
    r"assay dataset list": "tests/unit/data lists them",
    r"assay doctor": "tests/unit/test_cli.py reads what it says",
    r"ASSAY_SANDBOX_WITHOUT=": "the drill ends with 78, tested in tests/hostile",
    r"(ASSAY_\w+=\S+ )*assay serve": "serves until it is stopped; these tests talk to one",
    r"(ASSAY_\w+=\S+ )*assay (backup|restore) |pg_dump|pg_restore|sqlite3": "copies of real databases have own tests",
    r"pip wheel|cp constraints|cd examples/gradescope": "builds the package; tests/unit/test_package.py does",
    r"(\.venv/bin/)?assay grade examples/[\w-]+$": "tests/unit/test_cli.py grades the examples and compares the report",
}
"""Commands that are not run here, as patterns of their beginning, and where they are tested instead."""


def commands(document: Path) -> Iterator[str]:
    """The shell commands of the code blocks, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", document.read_text())
    fenced = re.findall(r"^```.*?\n(.*?)^```", text, re.M | re.S)
    indented = re.findall(r"^ {4,8}(\S.*)$", text, re.M)
    for line in [*"".join(fenced).splitlines(), *indented]:
        command = re.sub(r"^\$ ", "", line.strip())
        bare = re.sub(r"^(?:[A-Z_]+=\S+ +)*", "", command)
        if bare.startswith(SHELL):
            yield command


def files(document: Path) -> dict[str, str]:
    """The files that a document shows in full: a line with the name, then a block of code."""
    return dict(re.findall(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```", document.read_text(), re.M | re.S))


def inline(document: Path) -> Iterator[str]:
    """The commands of `assay` inside sentences that are complete, so that a reader may type them."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S)
    for command in re.findall(r"`(assay [^`]*)`", re.sub(r"\s+", " ", re.sub(r"^ {4}.*$", "", text, flags=re.M))):
        words = command.split()[1:]
        name = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in COMMANDS), "")
        named_only = words == name.split() and (name in LASTING or any(it.required for it in COMMANDS[name].params))
        if not named_only:
            yield command


def is_run(command: str) -> bool:
    """Not in the list of those that are not."""
    return not any(re.match(pattern, command) for pattern in NOT_RUN)


ROLES = {"regrades.md": "admin", "admins.md": "admin", "courses.md": "admin", "teaching-assistants.md": "ta"}
"""Who reads a document, where it is no student."""
LASTING = {"serve", "worker", "demo", "submit", "grade", "gradescope"}
"""Commands that a sentence names by their name alone, as it does those that need an argument."""
INLINE_NOT_RUN = {
    r"assay doctor": "tests/unit/test_cli.py reads what it says",
    r"assay serve": "serves until it is stopped; these tests talk to one",
    r"assay --install-completion": "changes somebody's shell; tests/unit/test_cli_help.py completes commands",
}
"""Commands inside sentences that are not run, and why."""

LONG = ("courses.md", "lti.md", "new-assignment.md", "new-function.md", "students.md")
"""Documents whose commands take half a minute, or stand in the README too: `make check-all` runs them."""
RUN = [document for document in DOCUMENTS if any(map(is_run, commands(document)))]


def test_the_lists_are_not_empty_and_not_out_of_date() -> None:
    every = [command for document in DOCUMENTS for command in commands(document)]
    assert sum(map(is_run, every)) >= 15
    reasons = " ".join(NOT_RUN.values())
    for path in re.findall(r"tests/[\w/.]+", reasons):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("service", ["sqlite"], indirect=True)
def test_the_commands_in_sentences_work(service: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = {command: document.name for document in DOCUMENTS for command in inline(document)}
    assert len(every) > 8
    assert all(any(re.match(pattern, command) for command in every) for pattern in INLINE_NOT_RUN), "out of date"
    monkeypatch.chdir(tmp_path)
    for command, document in every.items():
        if any(re.match(pattern, command) for pattern in INLINE_NOT_RUN) or document == "CHANGELOG.md":
            continue
        ended = CliRunner().invoke(app, shlex.split(command)[1:], env=environment(service.settings))
        assert ended.exit_code == 0, (document, command, ended.output, ended.exception)


def test_the_modules_that_documents_run_are_there() -> None:
    named = {
        module
        for document in DOCUMENTS
        for module in re.findall(r"python -m ((?:tests|reference_models)[\w.]*)", document.read_text())
    }
    assert len(named) > 5
    for module in sorted(named):
        found = importlib.util.find_spec(module)
        assert found is not None, module
        if found.submodule_search_locations:
            found = importlib.util.find_spec(f"{module}.__main__")
        assert found is not None, module
        assert found.origin is not None
        assert '__name__ == "__main__"' in Path(found.origin).read_text(), module


@pytest.fixture(scope="module")
def somebodys_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the documents take for granted: the repository, a roster, a course's folder, a student's files."""
    folder = tmp_path_factory.mktemp("somebody")
    for name in ("grader", "examples"):
        shutil.copytree(ROOT / name, folder / name)
    for file in (ROOT / "examples/hw13").iterdir():
        shutil.copy(file, folder)
    (roster,) = re.findall(r"^ {4}(login,name.*?)\n\n", (ROOT / "docs/admins.md").read_text(), re.M | re.S)
    (folder / "roster.csv").write_text(re.sub(r"^ {4}", "", roster, flags=re.M) + "\n")
    (folder / "bin").mkdir()
    assay = folder / "bin/assay"
    assay.write_text(warm_processes.script(IN_A_MOMENT))
    assay.chmod(0o755)
    return folder


def test_python_example_of_the_readme_prints_what_it_says(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    ((code, output),) = re.findall(r"^```python\n(.*?)^```\n\nThis prints:\n\n((?: {4}[^\n]*\n)+)", text, re.M | re.S)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    example = tmp_path / "example"
    example.write_text(warm_processes.script(code))
    done = subprocess.run(
        [sys.executable, example],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == re.sub(r"^ {4}", "", output, flags=re.M)


def _document(path: Path) -> object:
    marks = [pytest.mark.thorough] if path.name in LONG else []
    return pytest.param(path, id=path.relative_to(ROOT).as_posix(), marks=marks)


@pytest.mark.parametrize("service", ["sqlite"], indirect=True)
@pytest.mark.parametrize("document", [_document(path) for path in RUN])
def test_the_commands_of_a_document_work(
    service: Site, somebodys_folder: Path, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_briefly(monkeypatch)
    person = service.person(ROLES.get(document.name, "student"))
    publish_brief(service.settings)
    student = service.person()
    graded = student.submit(answers='{"2.2": "softer"}')
    student.wait_for_state(graded, "graded", 120)
    shutil.rmtree(somebodys_folder / "my-course", ignore_errors=True)
    if document.name != "new-assignment.md":  # which makes the folder itself
        (somebodys_folder / "my-course/hw13").mkdir(parents=True)
        for name, text in brief().files.items():
            (somebodys_folder / "my-course/hw13" / name).write_text(text)
    for name, text in files(document).items():
        file = somebodys_folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    script = "\n".join(filter(is_run, commands(document)))
    script = re.sub(r"ASSAY_(URL|TOKEN)=\S+ +", "", script).replace("https://assay.example.edu", service.url)
    script = script.replace(".venv/bin/assay", "assay")
    script = re.sub(r"\bcurl ", "curl --fail-with-body ", script)  # or an error would pass for success
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=somebodys_folder,
        env=environment(
            service.settings,
            ASSAY_URL=service.url,
            ASSAY_TOKEN=person.token or "",
            ID=graded,
            PATH=f"{somebodys_folder}/bin:{os.environ['PATH']}",
            PYTHONPATH=str(ROOT),
            LANG="C.UTF-8",
        ),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    _look(document.name, done.stdout, somebodys_folder)


def _look(name: str, shown: str, folder: Path) -> None:
    """What a document promises of its commands beyond that they work."""
    if name == "api.md":
        assert '"state":"graded"' in (folder / "report.json").read_text()
        assert "event: done" in shown
        assert "\n304\n" in shown
    elif name == "admins.md":
        assert re.search(r"^b10901001,assay_\S+$", shown, re.M)
        assert "keep" in shown
    elif name == "teaching-assistants.md":
        assert "The plot shows what was asked." in shown
    elif name == "new-assignment.md":
        assert "hw13-2023 version 1: 6 questions, 4 points; no errors" in shown
        assert "my-hw1 version 1 now applies to new submissions" in shown
    elif name == "new-function.md":
        assert "1 fake_quantize: 3 mistakes, 1 correct variants" in shown
        assert "remark" not in shown
        assert "Your function cuts the fraction off." in shown
        assert "0.5 / 2" in shown
        assert "rounding version 1 now applies to new submissions" in shown
