"""Inside the child, beside the student's code: receives requests, runs the code, answers in frames.

The student's zone begins here: nothing that this module sends is trusted, and it holds no expected value. Functions
that the student could replace are bound before the source is run; a student who breaks the harness breaks only his
own answers.
"""

from __future__ import annotations

import linecache
import os
import random
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from grader.sandbox import frames
from grader.sandbox.frames import Array
from grader.sandbox.harness import device, distil, errors, export, loss, model

REQUESTS, REPLIES = 3, 4
Answer = tuple[dict[str, Any], list[Array]]

_read, _write = os.read, os.write


class Workplace:
    """The student's module and what was built from it."""

    def __init__(self, name: str = "submission") -> None:
        self.module = types.ModuleType(name)
        self.filename = "submission.py"
        self.lines: list[str] = []
        self.model: torch.nn.Module | None = None

    def load(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """Run the prelude, then the source, in one namespace; answers the names that the source bound."""
        self.filename = str(meta["filename"])
        source = str(meta["source"])
        self.lines = source.splitlines()
        namespace = self.module.__dict__
        namespace["__file__"] = self.filename
        # inspect.getsource and torch.jit.script look sources up here; no modification time means "never re-read".
        linecache.cache[self.filename] = (len(source), None, source.splitlines(keepends=True), self.filename)
        sys.modules[self.module.__name__] = self.module
        sys.argv = [self.filename]  # else `parse_args()` would read the fork server's own
        exec(compile(str(meta["prelude"]), "<prelude>", "exec", dont_inherit=True), namespace)
        if meta.get("without_gpu"):
            device.without_gpu()
        device.without_compiler()
        before = dict(namespace)
        exec(compile(source, self.filename, "exec", dont_inherit=True), namespace)
        defines = [name for name, value in namespace.items() if before.get(name, before) is not value]
        return {"defines": [str(name)[:100] for name in defines[:500]]}, []


Operation = Callable[[dict[str, Any], tuple[Array, ...]], Answer]


def operations() -> dict[str, Operation]:
    """Every request about a student's code by name; see OPERATIONS.md."""
    place, loss_place = Workplace(), Workplace("submission_loss")
    training = distil.Training(place, loss_place)
    return {
        "load": place.load,
        "model.build": lambda meta, arrays: model.build(place, meta),
        "model.count": lambda meta, arrays: model.count(place),
        "model.forward": lambda meta, arrays: model.forward(place, meta, arrays),
        "model.train_step": lambda meta, arrays: model.train_step(place, arrays),
        "model.layers": lambda meta, arrays: model.layers(place, meta),
        "model.export": lambda meta, arrays: export.export(place, meta),
        "distil.load_loss": loss_place.load,
        "distil.inspect_loss": lambda meta, arrays: loss.inspect_loss(loss_place, meta),
        "distil.begin": training.begin,
        "distil.step": training.step,
        "distil.end": training.end,
        "loss.inspect": lambda meta, arrays: loss.inspect_loss(place, meta),
        "loss.call": lambda meta, arrays: loss.call(place, meta, arrays),
    }


def serve(torch_threads: int, table: dict[str, Operation]) -> None:
    """Answer requests until the pipe closes. Never returns an exception of the student's."""
    torch.set_num_threads(torch_threads)
    seed = int.from_bytes(os.urandom(8), "little") >> 1
    torch.manual_seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)
    random.seed(seed)
    sequence = 0
    while True:
        sequence += 1
        header = _receive(frames.HEADER.size)
        _, text, body = frames.sizes(header, sequence, (frames.REQUEST,), 1 << 32)
        meta, arrays = frames.decode(_receive(text), _receive(body))
        operation = table[str(meta.pop("op"))]
        try:
            answer, out = operation(meta, arrays)
            frame = frames.encode(frames.REPLY, sequence, answer, out)
        except BaseException as error:
            frame = frames.encode(frames.FAILURE, sequence, errors.describe(error))
        _flush()
        send(frame)


def send(frame: bytes) -> None:
    """Write one whole frame to the reply pipe."""
    view = memoryview(frame)
    while view:
        view = view[_write(REPLIES, view) :]


def _receive(size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        block = _read(REQUESTS, min(size - len(data), 1 << 20))
        if not block:
            os._exit(0)
        data += block
    return bytes(data)


def _flush() -> None:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:  # the student may have replaced or closed them
        pass
