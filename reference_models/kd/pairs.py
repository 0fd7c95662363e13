"""Known mistakes that are made together: one row each.

A name, and the modules of `reference_models.kd.mistakes` whose changes `reference_models.kd.recipe.combinations` joins.
``module:variant,variant`` takes those variants alone, in this order.
"""

PAIRS: dict[str, tuple[str, ...]] = {
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
