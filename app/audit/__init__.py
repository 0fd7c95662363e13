"""The audit log: every change by a person, in an append-only chain."""
