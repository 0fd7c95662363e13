"""The author's files of a function question: cases, reference, mistakes, property. No student's code runs beside them.

An assignment is text from a person, so its code runs in a child with the same locks as a student's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.sandbox.frames import Answer, Array
from grader.sandbox.harness import function, values
from grader.sandbox.harness.student_module import StudentModule, seed_generators

MAX_CASES = 200
_FRAME_BYTES = 1 << 20
"""Bytes of several cases in one frame; a larger case has a frame of its own."""


class Author:
    """The loaded files, each a module of its own, and the cases that were drawn last."""

    def __init__(self) -> None:
        self._modules: dict[str, StudentModule] = {}
        self._cases: list[Any] = []

    def load(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """Run the prelude and a file under the name ``module``."""
        name = str(meta["module"])
        self._modules[name] = StudentModule(f"author_{len(self._modules)}")
        return self._modules[name].load(meta, arrays)

    def draw(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """Run ``cases(rng)`` with a seed and keep what it yields; answers how many ``cases`` there are."""
        seed = int(meta["seed"])
        seed_generators(seed)
        drawn = self._namespace(meta)["cases"](np.random.default_rng(seed))
        self._cases = []
        for case in drawn:
            if len(self._cases) == MAX_CASES:
                raise ValueError(f"cases(rng) yields more than {MAX_CASES} cases")
            kind, inputs = case
            if not isinstance(kind, str) or not isinstance(inputs, dict):
                raise TypeError("cases(rng) yields pairs: the kind of case, a text, and the inputs by parameter")
            self._cases.append((kind, inputs))
        return {"cases": len(self._cases)}, []

    def cases(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """The cases ``from`` an index on, as many as one frame holds.

        Each has its ``kind``, its ``inputs`` by parameter, and the number of its ``arrays`` among those of the frame.
        """
        answered: list[dict[str, Any]] = []
        out: list[Array] = []
        for kind, inputs in self._cases[int(meta["from"]) :]:
            encoder = values.Encoder()
            nodes = {str(name): encoder.encode(value) for name, value in inputs.items()}
            size = sum(array.nbytes for array in (*out, *encoder.arrays))
            if answered and (len(out) + len(encoder.arrays) > values.MAX_ARRAYS or size > _FRAME_BYTES):
                break
            answered.append({"kind": kind[:100], "inputs": nodes, "arrays": len(encoder.arrays)})
            out += encoder.arrays
        return {"cases": answered}, out

    def call(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """Call a function of a file, as ``function.call`` does."""
        return function.call(self._namespace(meta), meta, arrays)

    def accepts(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """Ask a property such as ``accepts(inputs, output)``; answers the ``message`` of a refusal or null.

        ``inputs`` are those before the call, ``output.result`` and ``output.arguments`` what the call gave.
        """
        namespace = self._namespace(meta)
        inputs, result, arguments = (
            values.decode(meta[name], arrays, namespace) for name in ("inputs", "result", "arguments")
        )
        refusal = namespace[str(meta["entry"])](inputs, Output(result, arguments))
        if refusal is None:
            return {"message": None}, []
        texts = refusal if isinstance(refusal, dict) else {"en": refusal}
        return {"message": {str(language)[:20]: str(text)[:500] for language, text in texts.items()}}, []

    def _namespace(self, meta: dict[str, Any]) -> dict[str, Any]:
        return self._modules[str(meta["module"])].namespace


class Output:
    """What a call gave: its ``result``, and its ``arguments`` by parameter as they are after the call."""

    def __init__(self, result: Any, arguments: dict[str, Any]) -> None:
        self.result = result
        self.arguments = arguments
