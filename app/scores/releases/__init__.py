"""Releases: staff let students read the results that wait for them."""
