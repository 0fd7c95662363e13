"""Submissions of one assignment that share text beyond the starter code. A hint for staff that never moves points."""
