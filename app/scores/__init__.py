"""Points: computed from evidence, overridden by people, told to the course."""
