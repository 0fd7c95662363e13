"""Authentication: bearer tokens, browser sessions, viewers with their roles, and rate limits."""
