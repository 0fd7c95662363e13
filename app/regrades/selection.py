"""The condition that selects the submissions of a regrade."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from grader.scoring import Verdict

Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class Condition(BaseModel):
    """The submissions to regrade: those that meet every field that is set. Empty selects every graded attempt.

    ``question``, ``verdict`` and ``message`` must hold together for one question of the submission.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Text | None = Field(default=None, description="Number of a question, e.g. 2.1.")
    verdict: Verdict | None = Field(default=None, description="Computed verdict of that question, or of any.")
    message: Text | None = Field(default=None, description="Id of a message in the student's report.")
    grader_version: Text | None = Field(default=None, description="Version of the grader that measured.")
    student: Text | None = Field(default=None, description="Login.")
    submitted_since: AwareDatetime | None = Field(default=None, description="Submitted at this time or later.")
    submitted_until: AwareDatetime | None = Field(default=None, description="Submitted before this time.")

    def reads_result_of(self, number: str, questions: Collection[str]) -> bool:
        """Whether the result of a question decides which submissions a regrade of these questions selects."""
        if self.verdict is None and self.message is None:
            return False
        numbers = [self.question] if self.question is not None else questions
        return not numbers or number in numbers
