"""Known mistakes that are made together: one row each.

A row is a name, and the modules of `reference_models.kd.mistakes` whose changes
`reference_models.kd.recipe.combinations` joins.
``module:variant,variant`` takes those variants alone, in this order.
"""

import itertools

_WEIGHTS = (
    "alpha_swapped",
    "alpha_ignored",
    "alpha_on_both_terms:alpha",
    "alpha_missing_on_hard_term",
    "alpha_missing_on_soft_term",
)
_HARD_TERM = (
    "hard_label_smoothing",
    "hard_softened_logits",
    "hard_softmax_before_cross_entropy",
    "hard_focal:focal_2.0",
    "hard_sum_over_batch",
)
_SOFT_TERM = (
    "soft_probabilities_not_log",
    "soft_mean_over_elements",
    "soft_sum_over_batch",
    "soft_temperature_squared_missing",
    "soft_temperature_once",
    "soft_temperature_on_student_only",
    "soft_temperature_on_teacher_only",
    "soft_direction_swapped",
    "soft_student_logits_raw:softened",
    "soft_mse:logits",
    "temperature_ignored",
)
"""Frequent mistakes in different parts of the loss, every two of which are a row."""

_ROWS: dict[str, tuple[str, ...]] = {
    "pair_alpha_hard_coded_no_square": ("alpha_hard_coded", "soft_temperature_squared_missing"),
    "pair_alpha_hard_coded_temperature_ignored": ("alpha_hard_coded", "temperature_ignored"),
    "pair_alpha_ignored_no_square": ("alpha_ignored", "soft_temperature_squared_missing"),
    "pair_alpha_ignored_temperature_ignored": ("alpha_ignored", "temperature_ignored"),
    "pair_alpha_missing_on_hard_term_no_square": ("alpha_missing_on_hard_term", "soft_temperature_squared_missing"),
    "pair_alpha_on_both_terms_no_square": ("alpha_on_both_terms:alpha", "soft_temperature_squared_missing"),
    "pair_alpha_swapped_no_square": ("alpha_swapped", "soft_temperature_squared_missing"),
    # Right at alpha = 0.5, T = 1.
    "pair_alpha_swapped_teacher_only_no_square": (
        "alpha_swapped",
        "soft_temperature_squared_missing",
        "soft_temperature_on_teacher_only",
    ),
    "pair_alpha_swapped_temperature_ignored": ("alpha_swapped", "temperature_ignored"),
    "pair_cross_entropy_not_kl_no_square": ("soft_cross_entropy_not_kl", "soft_temperature_squared_missing"),
    "pair_focal_no_square": ("hard_focal:focal_2.0", "soft_temperature_squared_missing"),
    "pair_mean_alpha_swapped": ("soft_mean_over_elements", "alpha_swapped"),
    "pair_mean_no_square": ("soft_mean_over_elements", "soft_temperature_squared_missing"),
    "pair_mean_temperature_ignored": ("soft_mean_over_elements", "temperature_ignored"),
    "pair_not_log_alpha_swapped": ("soft_probabilities_not_log", "alpha_swapped"),
    "pair_not_log_log_target": ("soft_probabilities_not_log", "soft_log_target_with_probabilities"),
    "pair_not_log_mean": ("soft_probabilities_not_log", "soft_mean_over_elements"),
    "pair_not_log_mean_no_square": (
        "soft_probabilities_not_log",
        "soft_mean_over_elements",
        "soft_temperature_squared_missing",
    ),
    "pair_not_log_no_square": ("soft_probabilities_not_log", "soft_temperature_squared_missing"),
    "pair_not_log_softened_logits": ("soft_probabilities_not_log", "hard_softened_logits"),
    "pair_not_log_softmax_before_cross_entropy": (
        "soft_probabilities_not_log",
        "hard_softmax_before_cross_entropy:softened,plain",
    ),
    "pair_not_log_sum": ("soft_probabilities_not_log", "soft_sum_over_batch"),
    "pair_not_log_swapped": ("soft_probabilities_not_log", "soft_direction_swapped"),
    "pair_not_log_swapped_no_square": (
        "soft_probabilities_not_log",
        "soft_direction_swapped",
        "soft_temperature_squared_missing",
    ),
    "pair_not_log_temperature_ignored": ("soft_probabilities_not_log", "temperature_ignored"),
    "pair_softened_logits_no_square": ("hard_softened_logits", "soft_temperature_squared_missing"),
    "pair_softmax_before_cross_entropy_no_square": (
        "hard_softmax_before_cross_entropy",
        "soft_temperature_squared_missing",
    ),
    "pair_student_logits_raw_no_square": ("soft_student_logits_raw:softened", "soft_temperature_squared_missing"),
    "pair_student_logits_raw_teacher_logits_raw": ("soft_student_logits_raw", "soft_teacher_logits_raw"),
    "pair_student_only_no_square": ("soft_temperature_on_student_only", "soft_temperature_squared_missing"),
    "pair_sum_no_square": ("soft_sum_over_batch", "soft_temperature_squared_missing"),
    "pair_swapped_alpha_swapped": ("soft_direction_swapped", "alpha_swapped"),
    "pair_swapped_mean": ("soft_direction_swapped", "soft_mean_over_elements"),
    "pair_swapped_mean_no_square": (
        "soft_direction_swapped",
        "soft_mean_over_elements",
        "soft_temperature_squared_missing",
    ),
    "pair_swapped_no_square": ("soft_direction_swapped", "soft_temperature_squared_missing"),
    "pair_swapped_temperature_ignored": ("soft_direction_swapped", "temperature_ignored"),
    "pair_teacher_only_no_square": ("soft_temperature_on_teacher_only", "soft_temperature_squared_missing"),
    "pair_temperature_hard_coded_no_square": ("temperature_hard_coded", "soft_temperature_squared_missing"),
    "pair_temperature_multiplied_no_square": ("soft_temperature_multiplied", "soft_temperature_squared_missing"),
}


def _across_parts() -> dict[str, tuple[str, ...]]:
    """Every two mistakes in different parts of the loss that no row above has."""
    pairs = [
        *itertools.product(_WEIGHTS, _HARD_TERM),
        *itertools.product(_WEIGHTS, _SOFT_TERM),
        *itertools.product(_HARD_TERM, _SOFT_TERM),
    ]
    written = {frozenset(entry.partition(":")[0] for entry in row) for row in _ROWS.values()}
    rows = [pair for pair in pairs if frozenset(entry.partition(":")[0] for entry in pair) not in written]
    return {"pair_" + "_and_".join(entry.partition(":")[0] for entry in row): row for row in rows}


PAIRS: dict[str, tuple[str, ...]] = {**_ROWS, **_across_parts()}
