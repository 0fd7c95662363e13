import torch

SHAPES = [(5, 5), (3, 7), (8, 3, 3, 3), (16, 24)]


def weights(rng, shape):
    """Weights of either sign whose magnitudes all differ, so that there is no tie at any threshold."""
    count = torch.Size(shape).numel()
    magnitudes = (rng.permutation(count) + rng.uniform(0.2, 0.8, count)) / count
    return torch.tensor(magnitudes * rng.choice([-1.0, 1.0], count), dtype=torch.float32).reshape(shape)


def sparsity(rng, count, low, high):
    """A sparsity with which the number of pruned elements has a fraction between ``low`` and ``high``."""
    whole = rng.integers(count // 5, 4 * count // 5)
    return float((whole + rng.uniform(low, high)) / count)


def cases(rng):
    for shape in SHAPES:
        count = torch.Size(shape).numel()
        # A number of pruned elements that is rounded down, and one that is rounded up.
        for low, high in ((0.1, 0.4), (0.6, 0.9)):
            yield "usual", {"tensor": weights(rng, shape), "sparsity": sparsity(rng, count, low, high)}
    for end in (0.0, 1.0):
        yield "ends", {"tensor": weights(rng, (4, 6)), "sparsity": end}
