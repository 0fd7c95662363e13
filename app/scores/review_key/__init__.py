"""The key of an installation from which pseudonyms of students and draws of reviews follow."""
