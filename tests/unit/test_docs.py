"""What the documents name is there: links, commands, make targets, variables, files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml  # type: ignore[import-untyped]

from app.cli import app
from app.settings import Settings
from grader.sandbox import policy

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
COMPOSE_ONLY = {"ASSAY_POSTGRES_PASSWORD", "ASSAY_EXTRAS"}
CLIENT_ONLY = {"ASSAY_URL", "ASSAY_TOKEN"}
DRILLS = {policy.DRILL, "ASSAY_TEST_MOODLE"}


def name_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def commands(parent: typer.Typer, prefix: str = "") -> Iterator[str]:
    for command in parent.registered_commands:
        assert command.callback is not None
        yield prefix + (command.name or command.callback.__name__)
    for group in parent.registered_groups:
        assert group.typer_instance is not None
        name = group.typer_instance.info.name
        assert isinstance(name, str)
        yield from commands(group.typer_instance, f"{name} ")


def code(text: str) -> str:
    """The code of a Markdown document: spans, fences and indented lines."""
    spans = re.findall(r"`([^`\n]+)`", text)
    indented = re.findall(r"^ {4}(\S.*)$", text, re.M)
    fenced = re.findall(r"^```.*?\n(.*?)^```", text, re.M | re.S)
    return "\n".join([*spans, *indented, *fenced])


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_commands_exist(document: Path) -> None:
    known = set(commands(app))
    for line in re.findall(r"(?:^|[\s/])assay ((?:[a-z]+ ?)+)", code(document.read_text()), re.M):
        words = line.split()
        assert words[0] in known or " ".join(words[:2]) in known, f"assay {line}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_options_of_commands_exist(document: Path) -> None:
    source = "".join(file.read_text() for file in sorted((ROOT / "app").glob("cli*.py")))
    for line in code(document.read_text()).splitlines():
        if match := re.search(r"(?:^|[\s/])assay (.*)", line):
            for option in re.findall(r"(?<=\s)--[a-z-]+", match[1]):
                assert option in source or f" {option[2:].replace('-', '_')}:" in source, line


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_make_targets_exist(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z]+)", code(document.read_text())):
        assert re.search(rf"^{target}:", makefile, re.M), target


@pytest.mark.parametrize("document", [*DOCUMENTS, ROOT / "compose.yaml", ROOT / "Dockerfile"], ids=name_of)
def test_variables_are_settings(document: Path) -> None:
    known = {f"ASSAY_{field.upper()}" for field in Settings.model_fields} | CLIENT_ONLY | COMPOSE_ONLY | DRILLS
    assert set(re.findall(r"ASSAY_[A-Z_]*[A-Z]", document.read_text())) <= known


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_files_named_in_documents_exist(document: Path) -> None:
    folders = ("app", "grader", "docs", "examples", "tests", "reference_models", "migrations")
    for path in re.findall(rf"`((?:{'|'.join(folders)})/[\w./*-]*)`", document.read_text()):
        assert any(ROOT.glob(path.rstrip("/"))), path


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs/decisions"
    listed = (folder / "README.md").read_text()
    assert [file.name for file in sorted(folder.glob("0*.md")) if f"({file.name})" not in listed] == []


def test_the_compose_file_starts_known_commands() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    started = {service["command"][0] for service in services.values() if "command" in service}
    assert started == {"migrate", "serve", "worker"}
    assert started <= set(commands(app))


def test_containers_hold_no_more_than_they_need() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for name in ("migrate", "service", "worker"):
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]
        assert [volume.split(":")[1] for volume in services[name]["volumes"]] == ["/var/lib/assay"]
        grace = int(services[name]["stop_grace_period"].removesuffix("s"))
        assert grace > 2 * Settings.model_fields["shutdown_seconds"].default, "gradings may end before the kill"
    final = (ROOT / "Dockerfile").read_text().split("\nFROM ")[-1]
    assert re.search(r"^USER assay$", final, re.M)
    assert "/readyz" in final[final.index("HEALTHCHECK") :]
