"""The grading engine: evidence in a sandbox, points from evidence. Knows nothing of HTTP or databases."""
