import torch


def cases(rng):
    yield "usual", arguments(rng, (3, 8, 5), 8, 8, 4.0)
    yield "usual", arguments(rng, (4, 6, 6), 8, 4, 4.0)
    yield "usual", arguments(rng, (1, 32, 10), 8, 8, 4.0)
    yield "clamped", arguments(rng, (4, 8, 5), 4, 8, 0.8)
    yield "clamped", arguments(rng, (3, 16, 7), 3, 4, 0.8)


def arguments(rng, sizes, feature_bitwidth, weight_bitwidth, room):
    """Arguments whose outputs, before they are rounded, are at least 0.02 away from a half.

    ``room``: how often the outputs' deviation fits into half the range of the output.
    """
    batch, inputs, outputs = sizes
    lowest, highest = get_quantized_range(weight_bitwidth)
    while True:
        x = torch.tensor(rng.integers(-100, 100, (batch, inputs)), dtype=torch.int8)
        weight = torch.tensor(rng.integers(lowest, highest + 1, (outputs, inputs)), dtype=torch.int8)
        bias = torch.tensor(rng.integers(-3000, 3000, outputs), dtype=torch.int32)
        weight_scale = torch.tensor(rng.uniform(0.005, 0.02, (outputs, 1)), dtype=torch.float32)
        input_scale = float(rng.uniform(0.01, 0.05))
        real = (x.long() @ weight.long().T + bias).double() * input_scale * weight_scale.double().flatten()
        output_scale = float(real.std() * room / 2 ** (feature_bitwidth - 1))
        scaled = real / output_scale
        if ((scaled % 1 - 0.5).abs() > 0.02).all() and (room < 1 or scaled.abs().max() < 120):
            return {
                "input": x,
                "weight": weight,
                "bias": bias,
                "feature_bitwidth": feature_bitwidth,
                "weight_bitwidth": weight_bitwidth,
                "input_zero_point": int(rng.integers(-40, -9)),
                "output_zero_point": int(rng.choice([-3, -2, 2, 3])),
                "input_scale": input_scale,
                "weight_scale": weight_scale,
                "output_scale": output_scale,
            }
