"""Regrades: a whole class scored or measured again, looked at first, published at once, taken back exactly."""
