# question: 1.1
# outcome: error
# verdict: none
"""The entry point exists only by another name."""

def get_student_model_():
    return None
