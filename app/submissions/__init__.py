"""Submissions: their parts, attempts, runs and extensions."""
