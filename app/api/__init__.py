"""The HTTP API: every endpoint, one file a domain."""
