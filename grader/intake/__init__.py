"""Intake: an uploaded code part made into the text that runs. It reads and never executes anything."""

from grader.intake.entry_point import defines as defines
from grader.intake.entry_point import holding as holding
from grader.intake.limits import BYTE_LIMIT as BYTE_LIMIT
from grader.intake.limits import LINE_LIMIT as LINE_LIMIT
from grader.intake.limits import TOKEN_LIMIT as TOKEN_LIMIT
from grader.intake.names import defined_names as defined_names
from grader.intake.reading import read as read
from grader.intake.result import LEFT_OUT as LEFT_OUT
from grader.intake.result import DropKind as DropKind
from grader.intake.result import Dropped as Dropped
from grader.intake.result import Intake as Intake
