"""The exported network with other weights and pruned weights, against PyTorch itself."""

from __future__ import annotations

import argparse
import io
import warnings
from collections import OrderedDict

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper
from torch import nn
from torch.nn.utils import prune

from grader.measure import artefact, network, operations
from grader.measure.network import Array
from grader.sandbox.harness.export import onnx_bytes


def model(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        OrderedDict(
            stem=nn.Conv2d(3, 6, 3, padding=1, bias=False),
            norm=nn.BatchNorm2d(6),
            act=nn.ReLU(),
            depthwise=nn.Conv2d(6, 6, 3, padding=1, groups=6),
            pointwise=nn.Conv2d(6, 8, 1),
            pool=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(),
            head=nn.Linear(8, 11),
        )
    ).eval()


@pytest.fixture(scope="module")
def exported() -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return onnx_bytes(model(), [3, 16, 16], dynamic=True)


NAMES = [name for name, _ in model().named_parameters()]
IMAGES = np.random.default_rng(7).standard_normal((5, 3, 16, 16), np.float32)


def open_network(exported: bytes) -> network.Network:
    return network.Network(exported, NAMES)


def torch_logits(net: nn.Module, images: Array) -> Array:
    with torch.no_grad():
        logits: Array = net(torch.from_numpy(images)).numpy()
    return logits


def assert_same_logits(net: network.Network, live: nn.Module) -> None:
    np.testing.assert_allclose(
        network.run(net.pruned_artefact(0.0), IMAGES, 2, 1), torch_logits(live, IMAGES), rtol=1e-5, atol=1e-5
    )


def test_audit_counts_what_the_module_has(exported: bytes) -> None:
    audit = artefact.audit(exported)
    assert audit.refused == ""
    assert audit.parameters == sum(p.numel() for p in model().parameters())
    assert (audit.statistics, audit.constants) == (12, 0)


@pytest.mark.parametrize("data", [b"", b"\x00" * 40, b"PK\x03\x04 no network", b"\x08\x07" * 3])
def test_odd_bytes_are_refused_in_a_sentence(data: bytes) -> None:
    assert artefact.audit(data).refused


@given(st.binary(max_size=400))
def test_audit_survives_any_bytes(data: bytes) -> None:
    artefact.audit(data)


@given(place=st.integers(0, 5000), value=st.integers(0, 255))
def test_audit_survives_damage(exported: bytes, place: int, value: int) -> None:
    damaged = bytearray(exported)
    damaged[place % len(damaged)] = value
    artefact.audit(bytes(damaged))


def test_uploaded_weights_take_the_place_of_the_exported_ones(exported: bytes) -> None:
    other = model(seed=5)
    with torch.no_grad():
        other.get_buffer("norm.running_mean").add_(0.3)
    net = open_network(exported)
    fit = net.load(network.read_weights(safetensors.torch.save(other.state_dict())))
    assert fit.is_complete
    assert fit.unexpected == []
    assert_same_logits(net, other)


def as_pt(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state},
        lambda state: {"model": {f"module.{name}": value for name, value in state.items()}},
    ],
    ids=["plain", "state_dict", "data parallel"],
)
def test_state_dicts_come_in_several_wrappers(exported: bytes, wrap: object) -> None:
    assert callable(wrap)
    weights = network.read_weights(as_pt(wrap(model(seed=3).state_dict())))
    assert open_network(exported).load(weights).is_complete


@pytest.mark.parametrize("prefix", ["model.", "student_model.", "net.", "student.module."])
def test_prefix_of_the_module_that_held_the_model_is_taken_off(exported: bytes, prefix: str) -> None:
    state = {f"{prefix}{name}": value for name, value in model(seed=3).state_dict().items()}
    state |= {f"teacher.{name}": value for name, value in model(seed=4).state_dict().items() if "head" in name}
    net = open_network(exported)
    assert net.load(network.read_weights(as_pt({"state_dict": state}))).is_complete
    assert_same_logits(net, model(seed=3))


@pytest.mark.parametrize("prefix", ["", "module."])
def test_masks_of_a_pruned_model_are_applied(exported: bytes, prefix: str) -> None:
    pruned_model = model(seed=3)
    for module in pruned_model.modules():
        if isinstance(module, nn.Conv2d):
            prune.l1_unstructured(module, name="weight", amount=0.5)  # type: ignore[no-untyped-call]
    net = open_network(exported)
    fit = net.load(network.read_weights(as_pt({f"{prefix}{k}": v for k, v in pruned_model.state_dict().items()})))
    assert (fit.is_complete, fit.masked, fit.unexpected) == (True, 3, [])
    assert_same_logits(net, pruned_model)


def test_mask_of_another_shape_is_left_alone(exported: bytes) -> None:
    state = model().state_dict()
    state["stem.weight_orig"] = state.pop("stem.weight")
    state["stem.weight_mask"] = torch.ones(1)
    fit = open_network(exported).load(network.read_weights(as_pt(state)))
    assert (fit.is_complete, fit.missing) == (False, ["stem.weight"])


UNREADABLE: dict[str, tuple[object, str, str]] = {
    "a whole model": (model(), "weights.whole_model", "Sequential"),
    "a whole model in a checkpoint": ({"epoch": 3, "model": model()}, "weights.whole_model", "Sequential"),
    "a number of NumPy's": ({"state_dict": {}, "best": np.float64(0.8)}, "weights.other_objects", "numpy"),
    "arguments": ({"state_dict": {}, "args": argparse.Namespace(lr=1)}, "weights.other_objects", "argparse.Namespace"),
}


@pytest.mark.parametrize("case", UNREADABLE)
@pytest.mark.parametrize("zipped", [True, False])
def test_file_that_would_run_code_is_named_for_what_it_is(case: str, zipped: bool) -> None:
    content, message_id, name = UNREADABLE[case]
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    with pytest.raises(network.UnreadableWeights) as caught:
        network.read_weights(buffer.getvalue())
    assert caught.value.message_id == message_id
    assert any(name in listed_name for listed_name in caught.value.names)


def test_script_is_a_whole_model() -> None:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(nn.Linear(3, 3)), buffer)
        with pytest.raises(network.UnreadableWeights) as caught:
            network.read_weights(buffer.getvalue())
    assert caught.value.message_id == "weights.whole_model"


@pytest.mark.parametrize("data", [as_pt(model().state_dict())[:200], b"\x80\x04cos\nsystem\n(S'true'\ntR."])
def test_reason_is_no_advice_of_pytorchs(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(network.UnreadableWeights) as caught:
            network.read_weights(data)
    assert "weights_only" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_weights_that_still_carry_gradients_are_read(exported: bytes) -> None:
    state = {name: tensor.requires_grad_(tensor.is_floating_point()) for name, tensor in model(3).state_dict().items()}
    assert open_network(exported).load(network.read_weights(as_pt(state))).is_complete


def test_tensors_of_no_plain_numbers_are_named() -> None:
    odd = {"stem.weight": torch.zeros(3, 3).to_sparse()}
    with pytest.raises(network.UnreadableWeights, match="holds no plain numbers"):
        network.read_weights(as_pt(odd))


def test_weights_of_another_model_are_listed_as_pytorch_lists_them(exported: bytes) -> None:
    state = model(seed=3).state_dict()
    del state["stem.weight"]
    state["extra.weight"] = torch.zeros(3)
    state["head.weight"] = torch.zeros(11, 9)
    net = open_network(exported)
    before = net.pruned_artefact(0.0)
    fit = net.load(network.read_weights(safetensors.torch.save(state)))
    assert not fit.is_complete
    assert fit.missing == ["stem.weight"]
    assert fit.unexpected == ["extra.weight"]
    assert fit.wrong_shape == [("head.weight", [11, 9], [11, 8])]
    assert net.pruned_artefact(0.0) == before


def test_weights_that_are_not_finite_are_named(exported: bytes) -> None:
    state = model().state_dict()
    state["head.bias"] = torch.full((11,), float("nan"))
    assert open_network(exported).load(network.read_weights(safetensors.torch.save(state))).not_finite == ["head.bias"]


def test_tensor_that_pretends_to_be_huge_is_refused_before_it_is_made() -> None:
    bomb = {"stem.weight": torch.zeros(1).as_strided((1 << 40,), (0,))}
    with pytest.raises(network.UnreadableWeights, match="larger than any model"):
        network.read_weights(as_pt(bomb))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a model at all",
        safetensors.torch.save(model().state_dict())[:-7],
        as_pt(model().state_dict())[:200],
        as_pt([1, 2, 3]),
        b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    ],
    ids=["empty", "text", "truncated safetensors", "truncated zip", "a list", "a pickle that calls"],
)
def test_unreadable_weights_say_why(data: bytes) -> None:
    with pytest.raises(network.UnreadableWeights):
        network.read_weights(data)


@pytest.mark.parametrize("ratio", [0.05, 0.15, 0.5, 0.9, 0.95])
@pytest.mark.parametrize("kind", ["random", "ties", "zeros"])
def test_pruning_is_the_tutorials_own(exported: bytes, ratio: float, kind: str) -> None:
    other = model(seed=9)
    with torch.no_grad():
        for module in other.modules():
            if isinstance(module, nn.Conv2d) and kind != "random":
                # Ties everywhere: which of them goes is PyTorch's choice, and must be ours.
                module.weight.copy_((module.weight * (4 if kind == "ties" else 0)).round() / 4)
    net = open_network(exported)
    assert net.load(network.read_weights(safetensors.torch.save(other.state_dict()))).is_complete
    for module in other.modules():
        if isinstance(module, nn.Conv2d):
            prune.l1_unstructured(module, name="weight", amount=ratio)  # type: ignore[no-untyped-call]
    again = network.Network(net.pruned_artefact(ratio), NAMES)
    assert again.convolutions() == ["stem.weight", "depthwise.weight", "pointwise.weight"]
    for name, module in other.named_modules():
        if isinstance(module, nn.Conv2d):
            ours = numpy_helper.to_array(again.tensors[f"{name}.weight"])
            assert np.array_equal(ours, module.weight.detach().numpy()), name


@given(
    seed=st.integers(0, 2**32 - 1),
    values=st.lists(st.sampled_from([0.0, -0.0, 1e-45, -1e-45, 0.5, -0.5, 1.0, 3e38]), min_size=1, max_size=4),
    ratio=st.sampled_from([1 / 108, 0.25, 0.75, 0.9]) | st.floats(0.001, 0.999),
)
def test_pruning_is_the_tutorials_own_on_adversarial_weights(
    exported: bytes, seed: int, values: list[float], ratio: float
) -> None:
    # 162, 54 and 48 weights: a quarter of 54 and a 108th of 162 lie half way between two numbers of weights.
    draw = np.random.default_rng(seed)
    net = open_network(exported)
    state = model().state_dict()
    for name in net.convolutions():
        state[name] = torch.from_numpy(draw.choice(np.array(values, np.float32), tuple(state[name].shape)))
    assert net.load({name: tensor.numpy() for name, tensor in state.items()}).is_complete
    again = network.Network(net.pruned_artefact(ratio), NAMES)
    for name in net.convolutions():
        layer = nn.Conv2d(1, 1, 1)
        layer.weight = nn.Parameter(state[name].clone())
        prune.l1_unstructured(layer, name="weight", amount=ratio)  # type: ignore[no-untyped-call]
        assert numpy_helper.to_array(again.tensors[name]).tobytes() == layer.weight.detach().numpy().tobytes(), name


def test_pruning_can_stop_after_the_first_convolution(exported: bytes) -> None:
    net = open_network(exported)
    again = network.Network(net.pruned_artefact(0.5, layers=1), NAMES)
    zeros = [int((numpy_helper.to_array(again.tensors[name]) == 0).sum()) for name in net.convolutions()]
    assert zeros == [81, 0, 0]


def test_safetensors_header_may_begin_like_any_other_file() -> None:
    state = {"a": torch.arange(3.0)}
    plain = safetensors.torch.save(state)
    for signature in (b"PK", b"\x80\x02", b"\x80\x04"):
        length = int.from_bytes(signature, "little")
        header = plain[8 : 8 + int.from_bytes(plain[:8], "little")]
        padded = length.to_bytes(8, "little") + header.ljust(length) + plain[8 + len(header) :]
        assert padded.startswith(signature)
        assert network.read_weights(padded)["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod."])
def test_prefixes_of_wrappers_are_taken_off_where_the_network_has_none(exported: bytes, prefix: str) -> None:
    state = {f"{prefix}{name}": value for name, value in model(seed=3).state_dict().items()}
    assert open_network(exported).load(network.read_weights(safetensors.torch.save(state))).is_complete
    own = open_network(exported)
    for tensor in own.model.graph.initializer:
        tensor.name = prefix + tensor.name
    renamed = network.Network(own.model.SerializeToString(), [prefix + name for name in NAMES])
    assert renamed.load(network.read_weights(safetensors.torch.save(state))).is_complete


def test_half_precision_weights_are_read() -> None:
    state = {"a": torch.tensor([1.5], dtype=torch.bfloat16), "b": torch.tensor([2.5], dtype=torch.float16)}
    weights = network.read_weights(safetensors.torch.save(state))
    assert {name: array.tolist() for name, array in weights.items()} == {"a": [1.5], "b": [2.5]}
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}


def test_double_precision_is_run_as_single() -> None:
    double = model(seed=4).double()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = onnx_bytes(_Doubled(double), [3, 16, 16], dynamic=True)
    weights = artefact.audit(data)
    assert weights.parameters == sum(p.numel() for p in double.parameters())
    answers = network.run(network.Network(data, []).pruned_artefact(0.0), IMAGES, 2, 1)
    assert np.allclose(answers, torch_logits(_Doubled(double), IMAGES), atol=1e-5)


class _Doubled(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.inner(x.double())
        return answer


def test_network_that_takes_one_image_at_a_time_is_given_one(exported: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alone = onnx_bytes(model(), [3, 16, 16], dynamic=False)
    answers = []
    for data in (exported, alone):
        measurement = operations.Measurement()
        measurement.open({"known": NAMES}, (np.frombuffer(data, np.uint8), IMAGES))
        answers.append(measurement.evaluate({"ratio": 0.5, "layers": None, "batch": 4, "threads": 1}, ())[1][0])
    assert np.allclose(answers[0], answers[1], atol=1e-5)


def test_image_size_can_be_freed(exported: bytes) -> None:
    net = open_network(exported)
    assert net.image_shape() == [3, 16, 16]
    net.free_image_size()
    large = np.random.default_rng(1).standard_normal((2, 3, 40, 40), np.float32)
    assert network.run(net.pruned_artefact(0.0), large, 1, 1).shape == (2, 11)
