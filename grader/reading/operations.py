"""The requests that a reading child answers: our own parsers on the bytes of an upload. No student code runs here.

| request | meta and arrays | answer |
| --- | --- | --- |
| `code` | `names` of parts, `entries`, `prelude`, `repair`; each part's bytes | `parts`, `has_entry`; `IntakeResult`s |
| `outputs` | `names` of parts; the parts' definitions, each part's bytes | the `Finding`s |
| `check` | `kinds` of parts; the question, other evidence, each part's bytes | evidence, its picture if it has one |
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from grader import intake, part_outputs, stored_evidence
from grader.assignment import Question
from grader.checks import registry
from grader.intake import EntryKind, IntakeResult
from grader.parts import PartDefinition, PartKind
from grader.reading import packing
from grader.sandbox.frames import Answer, Array, Operation
from grader.submission import Part


def _code(meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    parts = {name: Part(array.tobytes()) for name, array in zip(meta["names"], arrays, strict=True)}
    prelude_names, repair = frozenset(meta["prelude"]), meta["repair"]
    readers = {name: intake.PartReader(part, prelude_names, repair) for name, part in parts.items()}
    names: list[str | None] = []
    results: list[IntakeResult] = []
    for entry in meta["entries"]:
        kind = EntryKind[entry["kind"]]
        part = intake.find_part(parts, entry["own"], entry["others"], entry["name"], kind)
        name = next((name for name in parts if parts[name] is part), None)
        names.append(name)
        results.append(IntakeResult() if name is None else readers[name].read(entry["name"], kind))
    has_entry = [
        result.source is not None and entry["name"] in intake.defined_names(result.source)
        for entry, result in zip(meta["entries"], results, strict=True)
    ]
    return {"parts": names, "has_entry": has_entry}, [packing.pack_code(results)]


def _outputs(meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    definitions = [PartDefinition.model_validate(data) for data in packing.unpack(arrays[0])]
    parts = {name: Part(array.tobytes()) for name, array in zip(meta["names"], arrays[1:], strict=True)}
    return {}, [packing.pack_findings(part_outputs.find(definitions, parts))]


def _check(meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    question = Question.model_validate(packing.unpack(arrays[0]))
    others = [stored_evidence.parse(data) for data in packing.unpack(arrays[1])]
    parts = {PartKind(kind): Part(array.tobytes()) for kind, array in zip(meta["kinds"], arrays[2:], strict=True)}
    reading = registry.of(question).read(question, parts, others)
    if reading is None:
        return {}, []
    picture = [] if reading.picture is None else [packing.pack_bytes(reading.picture)]
    return {}, [packing.pack(reading.evidence.model_dump(mode="json")), *picture]


OPERATIONS: Mapping[str, Operation] = {"code": _code, "outputs": _outputs, "check": _check}


def warm_up() -> None:
    """Load what parsers import at their first use: a locked child may open none of our own files."""
    entry = {"own": ["part"], "others": [], "name": "f", "kind": EntryKind.FUNCTION.name}
    meta = {"names": ["part"], "entries": [entry], "prelude": [], "repair": "suggest"}
    _code(meta, (packing.pack_bytes(b"def f(x):\n    return x\n"),))
    for name in ("PNG", "JPEG"):
        written = io.BytesIO()
        Image.new("RGB", (60, 60)).save(written, name)
        with Image.open(written) as image:
            image.load()
