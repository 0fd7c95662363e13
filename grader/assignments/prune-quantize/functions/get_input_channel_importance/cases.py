import torch


def cases(rng):
    for shape in ((6, 4, 3, 3), (4, 6, 3, 3), (8, 8, 3, 3), (5, 9, 1, 1), (16, 12, 5, 5)):
        scale = rng.uniform(0.3, 2.0, (1, shape[1], 1, 1))
        yield "usual", {"weight": torch.tensor(rng.standard_normal(shape) * scale, dtype=torch.float32)}
