"""Regrade requests: a student asks about a question, a teaching assistant answers."""
