"""Drafts of assignments: edited or uploaded in the browser, checked, tried, and then published or discarded."""
