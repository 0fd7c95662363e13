"""Measures the exported artefact as data, without student code."""
