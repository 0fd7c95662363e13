"""The Dockerfile as data: its stages and their steps, and the files that `.dockerignore` lets into the build."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
KNOWN = {"FROM", "ARG", "WORKDIR", "RUN", "COPY", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


@dataclass(frozen=True)
class Step:
    """One instruction and its arguments, continued lines joined."""

    word: str
    rest: str


@dataclass(frozen=True)
class Stage:
    """The steps from one FROM to the next."""

    base: str
    name: str | None
    steps: tuple[Step, ...]

    def all(self, word: str) -> list[str]:
        """The arguments of every instruction of this kind."""
        return [step.rest for step in self.steps if step.word == word]

    def last(self, word: str) -> str:
        """The arguments of the last instruction of this kind."""
        return self.all(word)[-1]

    @property
    def variables(self) -> dict[str, str]:
        """The variables of ENV, added to the base image's path."""
        variables = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"}
        for line in self.all("ENV"):
            for pair in shlex.split(line):
                name, _, value = pair.partition("=")
                variables[name] = re.sub(r"\$(\w+)", lambda match: variables[match[1]], value)
        return variables

    @property
    def healthcheck(self) -> list[str]:
        """The command that checks whether the container is healthy."""
        words: list[str] = json.loads(self.last("HEALTHCHECK").partition("CMD ")[2])
        return words

    @property
    def command(self) -> list[str]:
        """The command of a container that is started without one."""
        return [*self.entrypoint, *json.loads(self.last("CMD"))]

    @property
    def entrypoint(self) -> list[str]:
        """The words before the command."""
        words: list[str] = json.loads(self.last("ENTRYPOINT"))
        return words


def stages() -> list[Stage]:
    """The stages of the Dockerfile. Fails at an instruction that this module does not know."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    stages: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        if not word:
            continue
        assert word in KNOWN, line
        if word == "FROM":
            base, *named = rest.split()
            stages.append(Stage(base, named[1] if named else None, ()))
        else:
            before = stages.pop()
            stages.append(Stage(before.base, before.name, (*before.steps, Step(word, rest.strip()))))
    return stages


def context() -> list[str]:
    """Paths of the files that the engine would send to the build: the last matching line of `.dockerignore` decides."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line]
    # `*` excludes everything at the top, so only what a `!` rule names can hold a file of the build.
    tops = {rule[1:] for rule in rules if rule.startswith("!")}
    files = []
    for top in sorted(tops):
        for path in [ROOT / top] if (ROOT / top).is_file() else sorted((ROOT / top).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and not _is_excluded(name, rules):
                files.append(name)
    return files


def _is_excluded(name: str, rules: list[str]) -> bool:
    places = [name, *(parent.as_posix() for parent in Path(name).parents)]
    is_excluded = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        alone = pattern.removeprefix("**/")
        if any(
            fnmatch(place, pattern) or (alone != pattern and fnmatch(place.split("/")[-1], alone)) for place in places
        ):
            is_excluded = not rule.startswith("!")
    return is_excluded
