"""KL(student || teacher), as the homework's text reads, instead of KL(teacher || student)."""

from reference_models.kd.recipe import Recipe

ID = "kd.soft_term.direction_swapped"
LOSSES = (Recipe(is_direction_swapped=True),)
