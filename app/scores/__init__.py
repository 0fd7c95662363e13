"""Points: computed from evidence, overridden by people, shown by class."""
