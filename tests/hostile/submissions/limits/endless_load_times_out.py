# question: 2.1
# outcome: timeout
# verdict: none
# limit: CPU time
"""The loop is in a default argument, before anything is called."""

def for_ever():
    while True:
        pass


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=for_ever(), temperature=1.0):
    return student_logits.sum()
