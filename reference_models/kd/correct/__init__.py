"""Correct distillation losses in the styles of students' submissions: the tolerances must accept every one of them."""
