"""Exports of scores and reports in formats of other systems."""
