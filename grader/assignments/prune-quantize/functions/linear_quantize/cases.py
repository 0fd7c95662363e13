import numpy as np
import torch


def cases(rng):
    for bitwidth, zero_point, shape in ((8, 0, (5, 5)), (8, -7, (4, 3, 3)), (4, 1, (6, 6)), (2, 0, (5, 7))):
        lowest, highest = get_quantized_range(bitwidth)
        # Steps from zero, such that nothing is clamped.
        steps = spread(rng, shape, lowest - zero_point, highest - zero_point)
        yield "usual", arguments(steps, bitwidth, float(rng.uniform(0.02, 0.3)), zero_point)
    for bitwidth, zero_point, shape in ((2, 0, (6, 6)), (4, 3, (8, 5)), (3, -2, (4, 9))):
        steps = spread(rng, shape, -30, 30)
        yield "clamped", arguments(steps, bitwidth, float(rng.uniform(0.02, 0.3)), zero_point)
    for bitwidth, shape in ((4, (6, 5)), (3, (4, 3, 2, 2))):
        scale = rng.uniform(0.02, 0.3, (shape[0],) + (1,) * (len(shape) - 1)).astype(np.float32)
        steps = spread(rng, shape, -12, 12)
        yield "channels", arguments(steps, bitwidth, torch.tensor(scale), 0)


def spread(rng, shape, low, high):
    """Numbers whose fraction is at least 0.02 away from a half, where rounding may differ."""
    whole = rng.integers(low, high, shape)
    return whole + np.where(rng.random(shape) < 0.5, rng.uniform(0.02, 0.48, shape), rng.uniform(0.52, 0.98, shape))


def arguments(steps, bitwidth, scale, zero_point):
    tensor = (torch.tensor(steps) * scale).float()
    return {"fp_tensor": tensor, "bitwidth": bitwidth, "scale": scale, "zero_point": zero_point}
