"""Where student code runs: a fork server with torch imported once, and one locked-down child a hand-in.

`policy.toml` is the whole policy. `supervisor.Sandbox` is the trusted side's door; only `harness` touches a live
student object.
"""
