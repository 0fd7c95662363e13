import torch


def cases(rng):
    for bitwidth in (2, 4, 8):
        for shape in ((5, 5), (4, 3, 3)):
            yield "usual", arguments(rng, bitwidth, shape, -rng.uniform(0.4, 2.0), rng.uniform(0.4, 2.0))
    for bitwidth in (4, 8):
        yield "one sign", arguments(rng, bitwidth, (4, 6), 1.0, rng.uniform(2.0, 3.0))
        yield "one sign", arguments(rng, bitwidth, (4, 6), -rng.uniform(2.0, 3.0), -1.0)


def arguments(rng, bitwidth, shape, low, high):
    """A tensor whose zero point, before it is rounded, is at least 0.05 away from a half and a whole number."""
    lowest, highest = get_quantized_range(bitwidth)
    while True:
        tensor = torch.tensor(rng.uniform(low, high, shape), dtype=torch.float32)
        scale = (tensor.max().item() - tensor.min().item()) / (highest - lowest)
        fraction = (lowest - tensor.min().item() / scale) % 1
        if 0.05 < fraction < 0.95 and abs(fraction - 0.5) > 0.05:
            return {"fp_tensor": tensor, "bitwidth": bitwidth}
