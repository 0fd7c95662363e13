"""Calls your functions as in the failing case of each, and says whether they are right. Needs PyTorch alone."""

import collections
import faulthandler
import json
import random
import traceback
from pathlib import Path
from typing import Any

import torch
from replaying import HERE, load

SECONDS = 60
"""A call that takes longer is ended; Python then prints the line that it was at."""


def value(data: dict[str, Any], names: dict[str, Any]) -> Any:
    """The Python value that a file describes."""
    kind = data["kind"]
    if kind == "tensor":
        numbers = [float(number) if isinstance(number, str) else number for number in data["data"]]
        return torch.tensor(numbers, dtype=getattr(torch, data["dtype"])).reshape(data["shape"])
    if kind in ("int", "bool", "text", "none"):
        return data["value"]
    if kind == "float":
        return float(data["value"])
    if kind == "dtype":
        return getattr(torch, data["value"])
    items = [value(item, names) for item in data["items"]]
    if kind == "named":
        known = names.get(data["type"]) or collections.namedtuple(data["type"], data["keys"])
        return known(*items)
    if kind == "dict":
        return dict(zip(data["keys"], items, strict=True))
    return tuple(items) if kind == "tuple" else items


def agrees(expected: Any, got: Any, tolerance: dict[str, Any]) -> bool:
    """Whether two values are the same within the tolerance of the question."""
    if isinstance(expected, dict):
        same = isinstance(got, dict) and expected.keys() == got.keys()
        return same and all(agrees(item, got[key], tolerance) for key, item in expected.items())
    if isinstance(expected, (tuple, list)):
        same = isinstance(got, (tuple, list)) and len(got) == len(expected)
        return same and all(agrees(one, other, tolerance) for one, other in zip(expected, got, strict=True))
    if isinstance(expected, (torch.Tensor, int, float)):
        try:
            expected, got = torch.as_tensor(expected), torch.as_tensor(got).detach()
        except (TypeError, ValueError, RuntimeError):
            return False
        both_single = expected.numel() == got.numel() == 1 and 0 in (expected.dim(), got.dim())
        if expected.shape != got.shape and not both_single:
            return False
        if tolerance["dtype"] and expected.dtype != got.dtype:
            return False
        limits = {"rtol": tolerance["relative"], "atol": tolerance["absolute"]}
        return torch.allclose(got.double().reshape(expected.shape), expected.double(), equal_nan=True, **limits)
    return bool(expected == got)


def replay(file: Path, about: dict[str, Any]) -> None:
    """One function on its failing case."""
    data = json.loads(file.read_text(encoding="utf-8"))
    entry = data["entry"]
    source = next(one["source"] for one in about["questions"] if one["entry"] == entry)
    names = load(HERE / source)
    inputs = {name: value(item, names) for name, item in data["inputs"].items()}
    print(f"\n{entry}, a case of the kind {data['kind']!r}")
    if data["seen"]:
        print(f"  in the grading: {data['seen']}", flush=True)
    for name, item in inputs.items():
        print(f"  {name} = {item}")
    torch.manual_seed(data["seed"])
    random.seed(data["seed"])
    args = [inputs[name] for name in data["args"]]
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    try:
        result = names[entry](*args, **{key: inputs[name] for key, name in data["kwargs"].items()})
    except Exception:  # noqa: BLE001 - the code is a student's
        traceback.print_exc()
        print("  not right: it raises an exception")
        return
    finally:
        faulthandler.cancel_dump_traceback_later()
    expected = value(data["result"], names)
    print(f"  returned: {result}\n  expected: {expected}")
    right = agrees(expected, result, data["tolerance"])
    for name, item in data["arguments"].items():
        after = value(item, names)
        same = agrees(after, inputs[name], data["tolerance"])
        right = right and same
        if not same:
            print(f"  {name} after the call: {inputs[name]}\n  expected: {after}")
    if data["refusal"] and not right:
        print(f"  Several answers are right; yours was not one of them: {data['refusal']}")
    else:
        print("  right" if right else "  not right")


def main() -> None:
    """Replay every function that has a failing case."""
    about = json.loads((HERE / "replay.json").read_text(encoding="utf-8"))
    for file in sorted(HERE.glob("failing_call_*.json")):
        replay(file, about)


if __name__ == "__main__":
    main()
