"""Question 2.1 as otter-grader reads it: the loss against the reference on fixed tensors."""

OK_FORMAT = True

test = {
    "name": "q2_1",
    "points": 0.5,
    "suites": [
        {
            "cases": [
                {
                    "code": r"""
                    >>> def reference(student, labels, teacher, alpha, temperature):
                    ...     p = torch.softmax(teacher / temperature, dim=1)
                    ...     q = torch.log_softmax(student / temperature, dim=1)
                    ...     soft = (p * (p.log() - q)).sum(dim=1).mean() * temperature**2
                    ...     hard = torch.nn.functional.cross_entropy(student, labels)
                    ...     return alpha * soft + (1 - alpha) * hard
                    >>> generator = torch.Generator().manual_seed(13)
                    >>> student = torch.randn(8, 11, generator=generator)
                    >>> teacher = torch.randn(8, 11, generator=generator)
                    >>> labels = torch.randint(0, 11, (8,), generator=generator)
                    >>> settings = [(0.0, 1.0), (1.0, 1.0), (1.0, 4.0), (0.5, 1.0), (0.3, 2.0)]
                    >>> all(
                    ...     torch.allclose(
                    ...         loss_fn_kd(student, labels, teacher, alpha=alpha, temperature=temperature),
                    ...         reference(student, labels, teacher, alpha, temperature),
                    ...         rtol=1e-4,
                    ...     )
                    ...     for alpha, temperature in settings
                    ... )
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
