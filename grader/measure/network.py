"""The exported network, measured as data: with other weights, pruned weights, another image size.

Runs in a measuring child. Tensors keep the names of the student's state dict, so that uploaded weights fit by name.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, numpy_helper

from grader.measure import precision

_WRAPPERS = re.compile(r"(?:module\.|_orig_mod\.)*+")

MAX_LISTED = 50
_NAME_LENGTH = 200
"""Characters of a tensor's name that evidence keeps."""
_SMALL_CHANGE = 0.02
"""Standard deviation of a small change of every weight, the size of a few steps of Adam at its usual rates."""
Array = NDArray[Any]


class UnreadableWeights(Exception):
    """The file has no readable weights; the message says why.

    ``message_id`` names the message to the student, ``names`` the classes in the file that are no weights.
    """

    def __init__(self, problem: str, message_id: str = "weights.unreadable", names: list[str] | None = None) -> None:
        super().__init__(problem)
        self.message_id, self.names = message_id, names or []


@dataclass
class Fit:
    """How weights fit a network, in the terms of PyTorch's ``load_state_dict``."""

    loaded: int = 0
    masked: int = 0
    """Number of tensors that were pruned already, which PyTorch stores as ``_orig`` and ``_mask``."""
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    wrong_shape: list[tuple[str, list[int], list[int]]] = field(default_factory=list)
    """(name, shape in the file, shape in the network)."""
    not_finite: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Every tensor of the network was replaced, by finite numbers."""
        return not (self.missing or self.wrong_shape or self.not_finite)


def read_weights(data: bytes) -> dict[str, Array]:
    """The arrays of a safetensors file or a ``.pt`` state dict by name, without wrappers.

    Raises `UnreadableWeights`. A ``.pt`` file is unpickled here, weights only, in a child without secrets.
    """
    import safetensors
    import safetensors.torch

    # A safetensors file begins with the length of its header, which may equal another format's signature.
    if data[8:9] != b"{" and data[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return _read_pickled(data)
    try:
        return {name: _to_array(name, value) for name, value in safetensors.torch.load(data).items()}
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableWeights(f"it is neither safetensors nor a state dict: {str(error)[:300]}") from error


def _read_pickled(data: bytes) -> dict[str, Array]:
    import torch

    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # a pickle from anywhere raises anything
        raise _unreadable(data, str(error)) from error
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise UnreadableWeights(f"it holds a {type(content).__name__}, not a state dict; save model.state_dict()")
    return {str(name): _to_array(str(name), value) for name, value in content.items()}


def _unreadable(data: bytes, error: str) -> UnreadableWeights:
    """Why PyTorch refused a file, without its advice to load the file as code."""
    import torch

    if "TorchScript" in error:
        return UnreadableWeights("it is a TorchScript archive", "weights.whole_model")
    names = re.findall(r"Unsupported global: GLOBAL (\S+)", error)
    if names:
        with contextlib.suppress(Exception):  # the old format names none but the first
            names = torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(data))
        modules = [name for name in names if name.startswith("torch.nn.")]
        message_id = "weights.whole_model" if modules else "weights.other_objects"
        return UnreadableWeights("it holds more than weights", message_id, sorted(modules or names)[:5])
    lines = [line.strip() for line in error.splitlines() if line.strip() and "weights_only" not in line]
    return UnreadableWeights(lines[0][:300] if lines else "PyTorch cannot load it")


def _without_prefix(name: str) -> str:
    """The name without the prefixes of ``nn.DataParallel`` and ``torch.compile``, in any order."""
    return _WRAPPERS.sub("", name, count=1)


def _name_variants(weights: dict[str, Array]) -> list[dict[str, Array]]:
    """The weights under each set of names that may be the network's: their own, without the prefix of a wrapper, and
    those below each outer module, such as Lightning's ``model.``."""
    unprefixed = {_without_prefix(name): array for name, array in weights.items()}
    parts: dict[str, dict[str, Array]] = {}
    for name, array in unprefixed.items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[_without_prefix(rest)] = array
    return [weights, unprefixed, *parts.values()]


def _apply_masks(weights: dict[str, Array]) -> dict[str, Array]:
    """The weights, with ``weight_orig`` and ``weight_mask`` of ``torch.nn.utils.prune`` multiplied to one tensor."""
    originals = {name.removesuffix("_orig"): name for name in weights if name.endswith("_orig")}
    merged = {
        name: weights[original] * weights[f"{name}_mask"]
        for name, original in originals.items()
        if f"{name}_mask" in weights and weights[f"{name}_mask"].shape == weights[original].shape
    }
    parts = {f"{name}{half}" for name in merged for half in ("_orig", "_mask")}
    return {name: array for name, array in weights.items() if name not in parts} | merged


def _to_array(name: str, tensor: Any) -> Array:
    # A tensor of stride 0 may have 10^12 elements in a file of a few bytes: check its size before copying it.
    if tensor.numel() > 1 << 24:
        raise UnreadableWeights(f"a tensor of {tensor.numel()} elements is larger than any model here may be")
    import torch

    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_complex() or tensor.is_meta:
        raise UnreadableWeights(f"{name[:200]} holds no plain numbers: it is sparse, quantised, complex or empty")
    values = tensor.detach()
    return np.array((values.to(torch.float32) if values.is_floating_point() else values).contiguous().numpy())


class Network:
    """One artefact, with the weights it has now."""

    def __init__(self, data: bytes, parameter_names: list[str]) -> None:
        self.model = ModelProto()
        self.model.ParseFromString(data)
        del self.model.graph.value_info[:]  # claims of the student's zone, which a run would trust
        precision.to_single(self.model)
        self.parameter_names = set(parameter_names)
        """Names of the live model's parameters, which a weights file may have although the graph does not use them."""
        self.tensors: dict[str, TensorProto] = {tensor.name: tensor for tensor in self.model.graph.initializer}

    def load(self, weights: dict[str, Array]) -> Fit:
        """Replace the network's weights by name; nothing changes unless all of them fit.

        Prefixes of wrappers (``module.``, ``_orig_mod.``, ``model.``) are removed, and masks of pruned tensors applied,
        where that fits.
        """
        float_tensors = {name: tensor for name, tensor in self.tensors.items() if tensor.data_type == TensorProto.FLOAT}
        merged = _apply_masks(weights)
        variants = [(0, variant) for variant in _name_variants(weights)]
        variants += [(len(weights) - len(merged), variant) for variant in _name_variants(merged)]
        masked, weights = max(variants, key=lambda pair: len(pair[1].keys() & float_tensors.keys()))
        fit = Fit(masked=masked)
        for name, tensor in float_tensors.items():
            shape = list(tensor.dims)
            if name not in weights:
                if self._is_parameter(name) or name.endswith(("running_mean", "running_var")):
                    fit.missing.append(name)
            elif list(weights[name].shape) != shape:
                fit.wrong_shape.append((name, list(weights[name].shape), shape))
            elif not np.isfinite(weights[name]).all():
                fit.not_finite.append(name)
            else:
                fit.loaded += 1
        fit.unexpected = [
            name
            for name in weights
            if not (name in float_tensors or self._is_parameter(name) or name.endswith("num_batches_tracked"))
        ]
        if fit.is_complete:
            for name, tensor in float_tensors.items():
                if name in weights:
                    self._set(tensor, weights[name])
        for names in (fit.missing, fit.unexpected, fit.wrong_shape, fit.not_finite):
            del names[MAX_LISTED:]
        return fit

    def _is_parameter(self, name: str) -> bool:
        return name[:_NAME_LENGTH] in self.parameter_names

    def _set(self, tensor: TensorProto, array: Array) -> None:
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array, dtype=np.float32), tensor.name))

    def change_weights(self, names: Collection[str], rng: np.random.Generator) -> None:
        """Move the named weights a little, as a step of training moves them."""
        wanted = {_without_prefix(name) for name in names}
        for name, tensor in self.tensors.items():
            values = numpy_helper.to_array(tensor)
            if np.issubdtype(values.dtype, np.floating) and _without_prefix(name)[:_NAME_LENGTH] in wanted:
                changed = np.array(values + rng.normal(0, _SMALL_CHANGE, values.shape), values.dtype)
                tensor.CopyFrom(numpy_helper.from_array(changed, name))

    def convolutions(self) -> list[str]:
        """The weights of every two-dimensional convolution, in the order of the graph."""
        names = [node.input[1] for node in self.model.graph.node if node.op_type == "Conv" and len(node.input) > 1]
        return [name for name in dict.fromkeys(names) if name in self.tensors and len(self.tensors[name].dims) == 4]

    def pruned_artefact(self, ratio: float, layers: int | None = None) -> bytes:
        """The artefact with each convolution's weight pruned by itself, as the tutorial's loop over modules does.

        ``torch.nn.utils.prune`` chooses the mask, so that ties and rounding are PyTorch's own. With ``layers``, only
        so many convolutions are pruned, from the first.
        """
        if not ratio:
            return bytes(self.model.SerializeToString())
        import torch
        from torch.nn.utils.prune import L1Unstructured

        copy = ModelProto()
        copy.CopyFrom(self.model)
        places = {tensor.name: tensor for tensor in copy.graph.initializer}
        method = L1Unstructured(amount=ratio)
        for name in self.convolutions()[:layers]:
            weight = torch.from_numpy(np.array(numpy_helper.to_array(self.tensors[name])))
            mask = method.compute_mask(weight, torch.ones_like(weight))  # type: ignore[no-untyped-call]
            self._set(places[name], (weight * mask).numpy())
        return bytes(copy.SerializeToString())

    def fixed_batch(self) -> int | None:
        """The batch size, if the network allows only one."""
        return self.model.graph.input[0].type.tensor_type.shape.dim[0].dim_value or None

    def image_shape(self) -> list[int]:
        """(C, H, W) of the images that the network was exported for."""
        return [axis.dim_value for axis in self.model.graph.input[0].type.tensor_type.shape.dim[1:]]

    def free_image_size(self) -> None:
        """Declare images of any height and width; a run shows whether the network can take them."""
        shape = self.model.graph.input[0].type.tensor_type.shape
        for axis, name in ((2, "height"), (3, "width")):
            shape.dim[axis].Clear()
            shape.dim[axis].dim_param = name


def session(data: bytes, threads: int) -> Any:
    """onnxruntime, ready to run this network on ``threads`` threads."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def logits(runtime: Any, images: Array, batch: int) -> Array:
    """Logits (N, classes) float32 of images (N, C, H, W) float32, in batches of ``batch``."""
    name = runtime.get_inputs()[0].name
    batches = [runtime.run(None, {name: images[i : i + batch]})[0] for i in range(0, len(images), batch)]
    return np.concatenate(batches).astype(np.float32)


def run(data: bytes, images: Array, batch: int, threads: int) -> Array:
    """Logits of images by a network that is run once."""
    return logits(session(data, threads), images, batch)
