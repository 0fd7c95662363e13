"""Intake: turns the bytes of an uploaded code part into the text that runs. Reads the code and never executes it."""

from grader.intake.entry_point import defines_entry as defines_entry
from grader.intake.entry_point import find_part as find_part
from grader.intake.facts import DROPPED_CHANGES as DROPPED_CHANGES
from grader.intake.facts import REVIEW_FACTS as REVIEW_FACTS
from grader.intake.facts import UNREADABLE_FACTS as UNREADABLE_FACTS
from grader.intake.facts import IntakeFact as IntakeFact
from grader.intake.limits import BYTE_LIMIT as BYTE_LIMIT
from grader.intake.limits import LINE_LIMIT as LINE_LIMIT
from grader.intake.limits import TOKEN_LIMIT as TOKEN_LIMIT
from grader.intake.names import defined_names as defined_names
from grader.intake.names import prelude_names as prelude_names
from grader.intake.reading import PartReader as PartReader
from grader.intake.reading import read_part as read_part
from grader.intake.result import DropKind as DropKind
from grader.intake.result import DroppedPiece as DroppedPiece
from grader.intake.result import IntakeResult as IntakeResult
from grader.intake.settings import notes_of_call as notes_of_call
from grader.intake.stand_in import EntryKind as EntryKind
