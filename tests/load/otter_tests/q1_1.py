"""Question 1.1 as otter-grader reads it: the model builds, answers in the right shape, and is small enough."""

OK_FORMAT = True

test = {
    "name": "q1_1",
    "points": 0.5,
    "suites": [
        {
            "cases": [
                {
                    "code": r"""
                    >>> model = get_student_model()
                    >>> isinstance(model, torch.nn.Module)
                    True
                    >>> with torch.no_grad():
                    ...     output = model.eval()(torch.randn(2, 3, 224, 224))
                    >>> tuple(output.shape)
                    (2, 11)
                    >>> bool(torch.isfinite(output).all())
                    True
                    >>> sum(p.numel() for p in model.parameters()) <= 100_000
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
