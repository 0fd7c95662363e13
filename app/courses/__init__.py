"""Courses: the classes of one installation, and the names of assignments in them."""
