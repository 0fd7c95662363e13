# question: 1.1
# outcome: error
# verdict: none
# error: SyntaxError
# stage: intake
"""No Python."""

def get_student_model(:
    return None
