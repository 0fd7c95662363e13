"""Published versions of assignments, stored so that a submission can be graded again."""
