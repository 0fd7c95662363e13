"""The distillation loss of question 2.1: the reference, correct styles, and the bank of known mistakes.

`cases`, `closed_form` and `fingerprint` need numpy only; `reference`, `bank` and everything below `mistakes` and
`correct` need torch.
"""
