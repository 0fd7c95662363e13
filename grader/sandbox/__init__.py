"""Runs student code: a fork server imports torch once, and forks a locked-down child for each submission.

`policy.toml` is the whole policy. The trusted side uses `supervisor.Sandbox`; only `harness` touches a live student
object.
"""
