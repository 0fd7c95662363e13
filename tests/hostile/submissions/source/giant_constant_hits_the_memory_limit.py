# question: 2.1
# outcome: memory
# verdict: none
"""A constant that a compiler might compute; it is computed at the call."""

def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    return "x" * 10 ** 9 * 10 ** 9
