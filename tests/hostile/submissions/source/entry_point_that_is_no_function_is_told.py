# question: 1.1
# outcome: error
# verdict: none
# error: TypeError
"""A value where a function belongs."""

get_student_model = 7
