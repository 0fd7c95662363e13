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
    """One instruction and what follows it, continued lines joined."""

    word: str
    rest: str


@dataclass(frozen=True)
class Stage:
    """What stands between one FROM and the next."""

    base: str
    name: str | None
    steps: tuple[Step, ...]

    def all(self, word: str) -> list[str]:
        """What follows every instruction of this kind."""
        return [step.rest for step in self.steps if step.word == word]

    def last(self, word: str) -> str:
        """What follows the last instruction of this kind."""
        return self.all(word)[-1]

    @property
    def variables(self) -> dict[str, str]:
        """What ENV sets, on top of the base image's path."""
        found = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"}
        for line in self.all("ENV"):
            for pair in shlex.split(line):
                name, _, value = pair.partition("=")
                found[name] = re.sub(r"\$(\w+)", lambda match: found[match[1]], value)
        return found

    @property
    def healthcheck(self) -> list[str]:
        """The command that tells whether the container is well."""
        found: list[str] = json.loads(self.last("HEALTHCHECK").partition("CMD ")[2])
        return found

    @property
    def command(self) -> list[str]:
        """What runs when nothing else is named."""
        return [*self.entrypoint, *json.loads(self.last("CMD"))]

    @property
    def entrypoint(self) -> list[str]:
        """What runs before whatever is named."""
        found: list[str] = json.loads(self.last("ENTRYPOINT"))
        return found


def stages() -> list[Stage]:
    """The stages of the Dockerfile. An instruction that is not known here fails, so none is skipped in silence."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    found: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        if not word:
            continue
        assert word in KNOWN, line
        if word == "FROM":
            base, *named = rest.split()
            found.append(Stage(base, named[1] if named else None, ()))
        else:
            before = found.pop()
            found.append(Stage(before.base, before.name, (*before.steps, Step(word, rest.strip()))))
    return found


def context() -> list[str]:
    """Paths of the files that the engine would send to the build: the last matching line of `.dockerignore` decides."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line]
    # What `*` leaves out at the top comes in again by name, so nothing else at the top can hold a file of the build.
    tops = {rule[1:] for rule in rules if rule.startswith("!")}
    files = []
    for top in sorted(tops):
        for path in [ROOT / top] if (ROOT / top).is_file() else sorted((ROOT / top).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and not _left_out(name, rules):
                files.append(name)
    return files


def _left_out(name: str, rules: list[str]) -> bool:
    places = [name, *(parent.as_posix() for parent in Path(name).parents)]
    left_out = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        alone = pattern.removeprefix("**/")
        if any(
            fnmatch(place, pattern) or (alone != pattern and fnmatch(place.split("/")[-1], alone)) for place in places
        ):
            left_out = not rule.startswith("!")
    return left_out
