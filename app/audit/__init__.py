"""Who changed what, in an append-only chain."""
