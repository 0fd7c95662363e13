"""The student's code as a live module, with the model that it builds. Runs beside the student's code."""

from __future__ import annotations

import linecache
import random
import sys
import types
from functools import cache
from importlib.machinery import ModuleSpec
from itertools import islice
from typing import Any

import numpy as np
import torch

from grader.sandbox.frames import Answer, Array
from grader.sandbox.harness import device
from grader.sandbox.harness.values import STUDENT_MODULE


class StudentModule:
    """The module in which the student's source runs, and the model that it returned."""

    def __init__(self, name: str = STUDENT_MODULE) -> None:
        self.module = types.ModuleType(name)
        self.model: torch.nn.Module | None = None

    @property
    def namespace(self) -> dict[str, Any]:
        """The module's top-level names."""
        return self.module.__dict__

    def load(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """Run the prelude, then the source, in a new namespace; answers the names that the source bound."""
        self.module = types.ModuleType(self.module.__name__)
        filename, source = str(meta["filename"]), str(meta["source"])
        namespace = self.namespace
        namespace["__file__"] = filename
        # inspect.getsource and torch.jit.script look sources up here; no modification time means "never re-read".
        linecache.cache[filename] = (len(source), None, [f"{line}\n" for line in source.split("\n")], filename)
        sys.modules[self.module.__name__] = self.module
        sys.argv = [filename]  # else `parse_args()` would read the fork server's own
        imported = len(sys.modules)
        exec(_compiled_prelude(str(meta["prelude"])), namespace)
        # The newest come first: to look at every module would copy the memory that holds their names.
        for module in list(islice(reversed(sys.modules.values()), len(sys.modules) - imported)):
            if isinstance(module, types.ModuleType) and module.__spec__ is None:
                # `importlib.util.find_spec`, which torch's compiler calls, raises for a stand-in without a spec.
                module.__spec__ = ModuleSpec(module.__name__, None)
        if meta.get("without_gpu"):
            device.redirect_gpu_to_cpu()
        device.disable_compiler()
        before = dict(namespace)
        exec(compile(source, filename, "exec", dont_inherit=True), namespace)
        defines = [name for name, value in namespace.items() if before.get(name, before) is not value]
        return {"defines": [str(name)[:100] for name in defines[:500]]}, []


@cache
def _compiled_prelude(prelude: str) -> types.CodeType:
    """An assignment has one, and a child may run it before several sources."""
    return compile(prelude, "<prelude>", "exec", dont_inherit=True)


def seed_generators(seed: int) -> None:
    """Seed every random number generator that a student's code may use."""
    torch.default_generator.manual_seed(seed)  # torch.manual_seed also looks for devices, for 0.1 ms a call
    np.random.seed(seed & 0xFFFFFFFF)
    random.seed(seed)
