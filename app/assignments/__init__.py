"""Published versions of assignments, kept so that a stored hand-in can be graded again."""
