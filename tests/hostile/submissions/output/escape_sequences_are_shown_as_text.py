# question: 2.1
# outcome: ok
# verdict: full
# prints: \x1b[2J
"""Control characters that would rewrite a teaching assistant's terminal."""

from torch.nn import functional as F


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    print("\x1b[2J\x1b]0;4 of 4\x07\x08\x7f\u202e\u200b")
    student = F.log_softmax(student_logits / temperature, 1)
    soft = F.kl_div(student, F.softmax(teacher_logits / temperature, 1), reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
