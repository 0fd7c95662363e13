"""The requests that a measuring child answers. No student code runs here; the artefact is data.

onnxruntime is imported in the child, after the lockdown: it starts threads, which a fork server must not have.

| request | meta and arrays | answer |
| --- | --- | --- |
| `artefact.audit` | the artefact's bytes | the fields of `grader.measure.artefact.Audit` |
| `artefact.run` | the artefact's bytes, images | logits |
| `artefact.run_changed` | `learned` (names), `seed`; the artefact's bytes, images | logits after a small change |
| `network.open` | `known` (parameter names); the artefact's bytes, images | `native`: only its own image size works |
| `network.weights` | a weights file's bytes | `problem`, `message_id`, `names`; or `good` and the fields of `Fit` |
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
    measurement = Measurement()
    return {
        "artefact.audit": _audit,
        "artefact.run": _run,
        "artefact.run_changed": _run_changed,
        "network.open": measurement.open,
        "network.weights": measurement.weights,
        "network.evaluate": measurement.evaluate,
        "network.times": _measure_times,
    }


def _audit(meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    return dataclasses.asdict(artefact.audit(arrays[0].tobytes())), []


def _run(meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    exported = network.Network(arrays[0].tobytes(), [])
    return {}, [network.run(exported.pruned_artefact(0.0), arrays[1], batch=len(arrays[1]), threads=1)]


def _run_changed(meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    exported = network.Network(arrays[0].tobytes(), [])
    exported.change_weights([str(name) for name in meta["learned"]], np.random.default_rng(int(meta["seed"])))
    return {}, [network.run(exported.pruned_artefact(0.0), arrays[1], batch=len(arrays[1]), threads=1)]


class Measurement:
    """One network and the images that it is measured on."""

    def __init__(self) -> None:
        self.network: network.Network | None = None
        self.images: Array = np.zeros((0, 3, 1, 1), np.float32)

    def open(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """Open the artefact, and find out whether the network accepts images of this size."""
        data = arrays[0].tobytes()
        known = [str(name) for name in meta["known"]]
        self.images = arrays[1]
        self.network = network.Network(data, known)
        if self.network.image_shape() != list(self.images.shape[1:]):
            self.network.free_image_size()
        try:
            network.run(self.network.pruned_artefact(0.0), self.images[:1], 1, 1)
        except Exception:  # noqa: BLE001 - onnxruntime raises anything
            return {"native": True}, []
        return {"native": False}, []

    def weights(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """Replace the network's weights by those of a file, if all of them fit."""
        assert self.network is not None  # noqa: S101 - the supervisor opens first
        try:
            weights = network.read_weights(arrays[0].tobytes())
        except network.UnreadableWeights as error:
            return {"problem": str(error), "message_id": error.message_id, "names": error.names}, []
        fit = self.network.load(weights)
        return {"problem": None, "good": fit.is_complete, **dataclasses.asdict(fit)}, []

    def evaluate(self, meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
        """Logits of all images at a pruning ratio."""
        assert self.network is not None  # noqa: S101 - the supervisor opens first
        data = self.network.pruned_artefact(float(meta["ratio"]), meta["layers"])
        batch = self.network.fixed_batch() or int(meta["batch"])
        return {}, [network.run(data, self.images, batch, int(meta["threads"]))]


def _measure_times(meta: dict[str, Any], arrays: tuple[Array, ...]) -> Answer:
    """Processor seconds of the network at each ratio, in alternating order, within a budget of seconds."""
    exported = network.Network(arrays[0].tobytes(), [])
    sessions = [network.session(exported.pruned_artefact(float(ratio)), threads=1) for ratio in meta["ratios"]]
    seconds: list[list[float]] = [[] for _ in sessions]
    series = list(zip(sessions, seconds, strict=True))
    started = time.thread_time()
    for number in range(int(meta["most"])):
        if number >= int(meta["fewest"]) and time.thread_time() - started >= float(meta["budget"]):
            break
        for session, times in series if number % 2 == 0 else reversed(series):
            # Time of this thread, the only one that works, so that waiting for a busy processor does not count.
            before = time.thread_time()
            network.logits(session, arrays[1], batch=1)
            times.append(time.thread_time() - before)
    return {"seconds": seconds}, []
