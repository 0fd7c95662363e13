"""Submissions in the styles of a few years: honest, wrong in known ways, damaged, and meant to deceive.

`models.txt`, `losses.txt`, `attacks.txt` and `kinds.txt` (kinds of faults of the grader itself, several of each) hold
them word for word, each below a line that says what a careful person would decide:

    === QUESTION VERDICT [POINTS] [MESSAGE]: what it is

`pastes.py` holds one right loss as clipboards, editors and notebooks bring it.
``python -m tests.integration.submissions`` grades them all in a few minutes, or those whose title holds the words
behind it; ``--question 2.1 --times 20`` shows whether a verdict depends on what was drawn. The tests grade what is
quick, once.
"""
