"""The requests that a measuring child answers. No student code runs here; the artefact is data.

onnxruntime is imported in the child, after the lockdown: it starts threads, which a fork server must not have.

| request | meta and arrays | answer |
| --- | --- | --- |
| `artefact.audit` | the artefact's bytes | the fields of `grader.measure.artefact.Audit` |
| `artefact.run` | the artefact's bytes, images | logits |
| `network.open` | `known` (parameter names); the artefact's bytes, images | `native`: only its own image size works |
| `network.weights` | a weights file's bytes | `problem`, `told`, `names`; or `good` and the fields of `network.Fit` |
| `network.evaluate` | `ratio`, `batch`, `threads`, `layers` (how many are pruned; null: all) | logits of the images |
| `network.times` | `ratios`, `budget`, `fewest`, `most`; the artefact's bytes, images | `seconds` by ratio and round |

Images are (N, C, H, W) float32, logits (N, classes) float32.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from grader.measure import artefact, network
from grader.sandbox.frames import Answer, Array, Operation


def operations() -> dict[str, Operation]:
    """Every request by name, for one child."""
    bench = Bench()
    return {
        "artefact.audit": _audit,
        "artefact.run": _run,
        "network.open": bench.open,
        "network.weights": bench.weights,
        "network.evaluate": bench.evaluate,
        "network.times": _times,
    }


def _audit(meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    return dataclasses.asdict(artefact.audit(arrays[0].tobytes())), []


def _run(meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    opened = network.Network(arrays[0].tobytes(), [])
    return {}, [network.run(opened.pruned(0.0), arrays[1], batch=1, threads=1)]


class Bench:
    """One network and the images it is measured on."""

    def __init__(self) -> None:
        self.network: network.Network | None = None
        self.images: Array = np.zeros((0, 3, 1, 1), np.float32)

    def open(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """Take the artefact and the images; see whether the network can take images of their size."""
        data = arrays[0].tobytes()
        known = [str(name) for name in meta["known"]]
        self.images = arrays[1]
        self.network = network.Network(data, known)
        if self.network.image_shape() != list(self.images.shape[1:]):
            self.network.free_image_size()
        try:
            network.run(self.network.pruned(0.0), self.images[:1], 1, 1)
        except Exception:  # noqa: BLE001 - whatever onnxruntime says, it cannot
            return {"native": True}, []
        return {"native": False}, []

    def weights(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """Read a weights file and put it in place of the network's own, if all of it fits."""
        assert self.network is not None  # noqa: S101 - the supervisor opens first
        try:
            found = network.read_weights(arrays[0].tobytes())
        except network.UnreadableWeights as error:
            return {"problem": str(error), "told": error.told, "names": error.names}, []
        fit = self.network.load(found)
        return {"problem": None, "good": fit.good, **dataclasses.asdict(fit)}, []

    def evaluate(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """Logits of all images at a pruning ratio."""
        assert self.network is not None  # noqa: S101 - the supervisor opens first
        data = self.network.pruned(float(meta["ratio"]), meta["layers"])
        batch = self.network.fixed_batch() or int(meta["batch"])
        return {}, [network.run(data, self.images, batch, int(meta["threads"]))]


def _times(meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    """Processor seconds of the network at each ratio, in turn and in both directions, within a budget of seconds."""
    opened = network.Network(arrays[0].tobytes(), [])
    sessions = [network.session(opened.pruned(float(ratio)), threads=1) for ratio in meta["ratios"]]
    seconds: list[list[float]] = [[] for _ in sessions]
    turns = list(zip(sessions, seconds, strict=True))
    begun = time.thread_time()
    for number in range(int(meta["most"])):
        if number >= int(meta["fewest"]) and time.thread_time() - begun >= float(meta["budget"]):
            break
        for session, taken in turns if number % 2 == 0 else reversed(turns):
            # The time of this thread, which is the only one at work: waiting for a busy processor does not count.
            before = time.thread_time()
            network.logits(session, arrays[1], batch=1)
            taken.append(time.thread_time() - before)
    return {"seconds": seconds}, []
