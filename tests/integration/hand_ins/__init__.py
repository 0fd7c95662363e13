"""Hand-ins in the styles of a few years: honest, wrong in known ways, damaged, and meant to deceive.

`models.txt`, `losses.txt` and `attacks.txt` hold them word for word, each below a line that says what a careful person
would decide:

    === QUESTION VERDICT [POINTS] [MESSAGE]: what it is

`pastes.py` holds one right loss as clipboards, editors and notebooks bring it. ``python -m tests.integration.hand_ins``
grades them all in a few minutes, or
those whose title holds the words behind it; the tests grade what is quick.
"""
