import torch


def cases(rng):
    for shape, zero_point in (((4, 6), 3), ((6, 4), -5), ((5, 5), 1), ((8, 32), -128), ((3, 40), 127)):
        weight = torch.tensor(rng.integers(-128, 128, shape), dtype=torch.int8)
        bias = torch.tensor(rng.integers(-5000, 5000, shape[0]), dtype=torch.int32)
        yield "usual", {"quantized_bias": bias, "quantized_weight": weight, "input_zero_point": zero_point}
