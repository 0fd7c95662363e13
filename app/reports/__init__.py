"""Reports of submissions, built from stored rows."""
