"""The facts that reading a part of code shows: a closed set, on which scoring decides."""

from __future__ import annotations

from enum import StrEnum


class IntakeFact(StrEnum):
    """A fact about a part. Those that begin with ``code.`` say why it cannot be read as Python."""

    DAMAGED = "code.damaged"
    DAMAGED_BEYOND_REPAIR = "code.damaged_beyond_repair"
    EMPTY = "code.empty"
    MISSPELT = "code.misspelt"
    NEWER_PYTHON = "code.newer_python"
    NOT_TEXT = "code.not_text"
    NOTEBOOK_EMPTY = "code.notebook_empty"
    NOTEBOOK_UNREADABLE = "code.notebook_unreadable"
    SYNTAX_ERROR = "code.syntax_error"
    TOO_DEEP = "code.too_deep"
    TOO_LARGE = "code.too_large"
    BROKEN_CHANGE = "intake.broken_change"
    BROKEN_DEFINITION = "intake.broken_definition"
    BROKEN_UNNEEDED = "intake.broken_unneeded"
    CHANGE_DROPPED = "intake.change_dropped"
    CHARACTERS = "intake.characters"
    DAMAGE_SUSPECTED = "intake.damage_suspected"
    DROPPED = "intake.dropped"
    ENCODING = "intake.encoding"
    ENTRY_LOST = "intake.entry_lost"
    FENCES = "intake.fences"
    HINTS_IGNORED = "intake.hints_ignored"
    HTML = "intake.html"
    IMPORT_DROPPED = "intake.import_dropped"
    LINE_NUMBERS = "intake.line_numbers"
    MARGIN = "intake.margin"
    MARKDOWN = "intake.markdown"
    MODULE_UNAVAILABLE = "intake.module_unavailable"
    PROMPTS = "intake.prompts"
    PROSE = "intake.prose"
    QUOTED = "intake.quoted"
    REPAIRED = "intake.repaired"
    SETTINGS_DECIDE = "intake.settings_decide"
    SETTINGS_MISSING = "intake.settings_missing"
    SPACES = "intake.spaces"
    STAND_IN = "intake.stand_in"
    STAND_IN_UNCLEAR = "intake.stand_in_unclear"
    TABS = "intake.tabs"
    TRAINING_DROPPED = "intake.training_dropped"
    TWICE = "intake.twice"


UNREADABLE_FACTS = frozenset(fact for fact in IntakeFact if fact.startswith("code."))
"""Why a part cannot be read as Python."""
DROPPED_CHANGES = frozenset({IntakeFact.CHANGE_DROPPED, IntakeFact.TRAINING_DROPPED, IntakeFact.BROKEN_CHANGE})
"""Statements that do not run although they may change what is graded."""
REVIEW_FACTS = DROPPED_CHANGES | {IntakeFact.SETTINGS_DECIDE}
"""Everything in a part that may make it another program here than in the student's notebook."""
