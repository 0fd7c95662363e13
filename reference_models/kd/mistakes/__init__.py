"""Known mistakes, one module each; `reference_models.kd.bank` tells what a module holds."""
