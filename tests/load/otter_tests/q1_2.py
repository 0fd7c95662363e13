"""Question 1.2 as otter-grader reads it: the total of the summary is the model's."""

OK_FORMAT = True

test = {
    "name": "q1_2",
    "points": 0.5,
    "suites": [
        {
            "cases": [
                {
                    "code": r"""
                    >>> import re
                    >>> claimed = int(re.search(r"Total params: ([\d,]+)", summary).group(1).replace(",", ""))
                    >>> claimed == sum(p.numel() for p in get_student_model().parameters())
                    True
                    """,
                    "hidden": False,
                    "locked": False,
                }
            ],
            "scored": True,
            "setup": "",
            "teardown": "",
            "type": "doctest",
        }
    ],
}
