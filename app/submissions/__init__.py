"""Hand-ins: taken, stored byte for byte, reported."""
