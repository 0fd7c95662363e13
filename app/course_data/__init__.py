"""All that belongs to a course: copied for a next term, handed out as a file, or deleted."""
