def ratio(rng, channels, low, high):
    """A ratio with which the number of kept channels has a fraction between ``low`` and ``high``."""
    kept = rng.integers(channels // 4, 3 * channels // 4) + rng.uniform(low, high)
    return float(1 - kept / channels)


def cases(rng):
    for channels in (16, 64, 96, 200):
        yield "usual", {"channels": channels, "prune_ratio": ratio(rng, channels, 0.1, 0.4)}
        yield "usual", {"channels": channels, "prune_ratio": ratio(rng, channels, 0.6, 0.9)}
    yield "ends", {"channels": 64, "prune_ratio": 0.0}
    yield "ends", {"channels": 64, "prune_ratio": 0.25}
    yield "ends", {"channels": 32, "prune_ratio": 0.5}
