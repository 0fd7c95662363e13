"""Notes of the staff about a student, which students never read."""
