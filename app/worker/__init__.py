"""Grading as jobs: the `port`, its DBOS adapter, and the worker that runs them."""
