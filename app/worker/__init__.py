"""The worker's process: its slots, heartbeat and chores, and the worker beside a service."""
