"""Parts of a submission that are in the outputs of its own notebooks. They are offered, never taken unasked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.intake import outputs
from grader.intake.outputs import Output
from grader.parts import PartDefinition, PartKind
from grader.submission import Part

OFFERS = 5
"""Outputs that are offered for a part: the last ones, which the student ran last."""

_NAME_LIMIT = 200
"""Characters of the notebook's name that the name of a taken part repeats."""

_EXCERPT_LIMIT = 80
"""Characters of an excerpt."""

_SHOWN_BYTES = 100_000
"""The largest picture that an offer shows. A plot has about 30,000 bytes."""


class OutputNotFound(ValueError):
    """The notebook has no such output for the part. ``offers`` are the outputs that there are for it."""

    def __init__(self, part: str, reference: str, offers: Sequence[Finding]) -> None:
        there_are = ", ".join(finding.reference for finding in offers) or "none"
        super().__init__(f"No output {reference[:60]!r} can be the part {part}. Outputs that can be: {there_are}.")
        self.offers = offers


@dataclass(frozen=True)
class Finding:
    """An output that may be the part ``name``. ``notebook`` is the part whose cell has the output.

    ``excerpt`` is the line by which it was found: of a text, or of the code that drew a picture.
    """

    name: str
    notebook: str
    notebook_file: str
    output: Output
    excerpt: str

    @property
    def reference(self) -> str:
        """The output within the submission: part of the notebook, cell and output, such as ``model:12.1``."""
        return f"{self.notebook}:{self.output.cell}.{self.output.number}"

    @property
    def picture_address(self) -> str | None:
        """A picture as a ``data:`` address, so that the student sees it; ``None`` for a large one, or for a text."""
        output = self.output
        if not output.is_picture or output.size > _SHOWN_BYTES:
            return None
        kind = "png" if output.suffix == ".png" else "jpeg"
        return f"data:image/{kind};base64,{''.join(output.content.split())}"

    @property
    def file_name(self) -> str:
        """The name of the taken part's file, which says where it came from."""
        output = self.output
        return f"{self.notebook_file[-_NAME_LIMIT:]}, cell {output.cell}, output {output.number}{output.suffix}"


def find(definitions: Sequence[PartDefinition], parts: Mapping[str, Part]) -> tuple[Finding, ...]:
    """The outputs of the notebooks among the parts that may be another part, which is not submitted itself."""
    wanted = [part for part in definitions if part.outputs and part.name not in parts]
    if not wanted:
        return ()
    notebooks = [(name, parts[name], outputs.read(parts[name].data)) for name in _codes(definitions, parts)]
    findings: list[Finding] = []
    for part in wanted:
        own = [
            Finding(part.name, name, notebook.filename or name, output, line[:_EXCERPT_LIMIT])
            for name, notebook, found in notebooks
            for output in found
            if output.is_picture is (part.kind is PartKind.PICTURE)
            and 0 < output.size <= part.limit
            and (line := output.line_with(part.outputs))
        ]
        findings += own[-OFFERS:]
    return tuple(findings)


def take(
    definitions: Sequence[PartDefinition], parts: Mapping[str, Part], wanted: Mapping[str, str]
) -> dict[str, Part]:
    """The parts with those that ``wanted`` takes from outputs, by the reference of each. Raises `OutputNotFound`."""
    if not wanted:
        return dict(parts)
    findings = find(definitions, parts)
    taken: dict[str, Part] = {}
    for name, reference in wanted.items():
        offers = [finding for finding in findings if finding.name == name]
        chosen = next((finding for finding in offers if finding.reference == reference), None)
        data = chosen.output.data() if chosen is not None else None
        if chosen is None or data is None:
            raise OutputNotFound(name, reference, offers)
        taken[name] = Part(data, chosen.file_name)
    every = {**parts, **taken}
    return {part.name: every[part.name] for part in definitions if part.name in every}


def _codes(definitions: Sequence[PartDefinition], parts: Mapping[str, Part]) -> list[str]:
    return [part.name for part in definitions if part.kind is PartKind.CODE and part.name in parts]
