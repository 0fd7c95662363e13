"""Correct distillation losses in the styles that hand-ins use: the tolerances must pass every one of them."""
