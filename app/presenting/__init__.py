"""Texts, numbers and times for people, for pages and exports."""
