"""Group decisions: the same points for one question of several submissions, undone as one."""
