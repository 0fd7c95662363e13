"""Durable jobs in the service's own database: a small port with one adapter. It knows no domain."""
