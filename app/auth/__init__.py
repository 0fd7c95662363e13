"""Who is asking: bearer tokens, browser sessions, roles, and the check against cross-site requests."""
