"""Students who are excused from an assignment."""
