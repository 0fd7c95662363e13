"""Words and numbers for people, for pages and exports alike."""
