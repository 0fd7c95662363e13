"""Calls your loss as the grader did and compares the values. Needs PyTorch; run it in the folder it lies in."""

import json
import runpy
from typing import Any

import torch
from replaying import HERE, load, question


class Settings(dict[str, Any]):
    """alpha and the temperature in one object, for a loss that reads them from ``params``."""

    def __missing__(self, key: str) -> Any:
        plain = key.lower().replace("_", "")
        if "temp" in plain or plain in {"t", "tau", "kdt"}:
            return self["temperature"]
        return self["alpha"] if "alpha" in plain or plain in {"a", "lam", "lambda"} else None

    def get(self, key: str, default: Any = None) -> Any:
        """The value by any of its names."""
        return default if self[key] is None else self[key]

    __getattr__ = __missing__


def replay(case: dict[str, Any], namespace: dict[str, Any]) -> None:
    """One case: the call, the value, and the gradient with respect to the student's logits."""
    leaf = torch.tensor(case["student_logits"], requires_grad=True)
    given = {
        "student_logits": leaf.clone(),
        "labels": torch.tensor(case["labels"]),
        "teacher_logits": torch.tensor(case["teacher_logits"]),
        "alpha": case["alpha"],
        "temperature": case["temperature"],
        "settings": Settings,
    }
    print(f"\n{case['term']}: alpha = {case['alpha']:g}, temperature = {case['temperature']:g} ({case['case']})")
    value = runpy.run_path(str(HERE / "call.py"), {**namespace, **given})["value"]
    value = value[0] if isinstance(value, tuple | list) and value else value
    print(f"  a right loss gives   {case['value']:.6f}")
    print(f"  your loss gives      {value.item() if getattr(value, 'shape', None) == () else value}")
    if case["term"] != "gradient":
        print(f"  the grader got       {case['got']}")
        return
    right = torch.tensor(case["gradient"])
    gradient = torch.autograd.grad(value, leaf, allow_unused=True)[0]
    mine = torch.zeros_like(right) if gradient is None else gradient.to(right.dtype)
    row, column = divmod(int((mine - right).abs().argmax()), right.shape[1])
    print(f"  its gradient is furthest off at row {row}, class {column}:")
    print(f"  a right one has      {right[row, column].item():.6f}")
    print(f"  yours has            {mine[row, column].item():.6f}")
    print(f"  the grader got       {case['got']}")


def main() -> None:
    """Every case of the archive."""
    cases = json.loads((HERE / "cases.json").read_text(encoding="utf-8"))
    if not cases:
        print("Nothing failed on the tensors that were drawn for your run.")
        return
    namespace = load(HERE / question("kd_loss")["source"])
    for case in cases:
        replay(case, namespace)


if __name__ == "__main__":
    main()
