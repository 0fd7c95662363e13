"""Which hand-ins of one assignment share text that the course did not give out. Advice for people, never points."""
