import torch


def cases(rng):
    # From so many numbers k-means reaches two good clusters wherever it begins; from twenty it may not.
    for bitwidth, shape in ((1, (12, 10)), (2, (5, 5)), (2, (6, 3, 3)), (3, (12, 10)), (4, (20, 16))):
        yield "clusters", {"fp32_tensor": normal(rng, shape), "bitwidth": bitwidth}
    yield "clusters", {"fp32_tensor": normal(rng, (16, 15))}
    for bitwidth, shape in ((2, (4, 6)), (3, (2, 5, 4))):
        count = torch.Size(shape).numel()
        labels = torch.tensor(rng.integers(0, 2**bitwidth, count))
        codebook = Codebook(normal(rng, (2**bitwidth,)), labels)
        yield "codebook given", {"fp32_tensor": normal(rng, shape), "bitwidth": bitwidth, "codebook": codebook}


def normal(rng, shape):
    return torch.tensor(rng.standard_normal(shape), dtype=torch.float32)
