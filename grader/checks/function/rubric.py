"""Try an author's rubric: every known mistake and every correct variant is graded as a student's function would be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grader.assignment import Assignment, Question
from grader.checks.function import measure
from grader.checks.function.author import Author, AuthorFault
from grader.checks.function.evidence import FunctionEvidence
from grader.checks.function.options import AuthorFiles
from grader.evidence import Outcome
from grader.rubric import Finding, Progress, RubricTrial
from grader.sandbox.supervisor import Sandbox

CLOSE = 0.3
"""Share of a tolerance that a correct variant may use without a remark."""


def try_rubric(sandbox: Sandbox, assignment: Assignment, question: Question, progress: Progress) -> RubricTrial:
    """Grade every file of the author's, and say what is wrong with the rubric.

    Wrong are correct variants that lose points, mistakes that the cases cannot tell from the reference, and mistakes
    that behave alike. Remarks name the kinds of cases that no mistake fails, kinds that no group names, and variants
    close to the tolerance. Raises `InfrastructureFault`.
    """
    try:
        files = AuthorFiles(assignment, question)
        correct, mistakes = len(files.correct), len(files.mistakes)
    except ValueError as error:
        return RubricTrial(question.number, findings=(Finding(str(question.options.get("folder", "")), str(error)),))
    trial = _Trial(sandbox, assignment, question, files, progress)
    findings: list[Finding] = []
    try:
        findings.extend(trial.run())
    except AuthorFault as error:
        findings.append(Finding(files.options.folder, str(error)))
    findings.sort(key=lambda finding: not finding.is_error)
    return RubricTrial(question.number, mistakes, correct, tuple(findings), trial.tolerance_used)


class _Trial:
    def __init__(
        self, sandbox: Sandbox, assignment: Assignment, question: Question, files: AuthorFiles, progress: Progress
    ) -> None:
        self._sandbox, self._files, self._progress = sandbox, files, progress
        self._limits = sandbox.policy.limits.override(assignment.sandbox)
        self._prelude = assignment.prelude_source()
        self._key = (assignment.digest, question.number, files.options.entry)
        self._folder = files.options.folder
        self._failed_kinds: dict[str, bool] = {}
        self._tried = 0
        self.tolerance_used: dict[str, float] = {}

    def run(self) -> Iterator[Finding]:
        with self._sandbox.child(self._limits) as child:
            author = Author(child, self._prelude, self._folder)
            yield from self._reference(author)
            for name, source in self._files.correct.items():
                yield from self._correct(f"{self._folder}/correct/{name}.py", source, author)
            failing: set[str] = set()
            for mistake in self._files.mistakes:
                path = f"{self._folder}/mistakes/{mistake.id}.py"
                evidence = self._grade(path, mistake.source, author)
                failing |= {kind for kind, failed in self._failed_kinds.items() if failed}
                yield from self._mistake(path, mistake.id, evidence)
            if self._files.mistakes:
                for kind in sorted({kind for group in self._files.options.groups for kind in group.cases} - failing):
                    what = f"no known mistake fails the cases {kind!r}"
                    yield Finding(f"{self._folder}/cases.py", what, is_error=False)

    def _reference(self, author: Author) -> Iterator[Finding]:
        path = f"{self._folder}/reference.py"
        yield from self._correct(path, self._files.reference, author, "the reference")
        counted = {kind for group in self._files.options.groups for kind in group.cases}
        for kind in sorted(self._failed_kinds.keys() - counted):
            yield Finding(f"{self._folder}/cases.py", f"no group names the cases {kind!r}", is_error=False)

    def _correct(self, path: str, source: str, author: Author, who: str = "this correct variant") -> Iterator[Finding]:
        evidence = self._grade(path, source, author)
        if evidence.outcome is not Outcome.OK or evidence.error is not None:
            message = evidence.error.message if evidence.error is not None else ""
            yield Finding(path, f"{who} does not run: {evidence.outcome} {message}".rstrip())
        elif evidence.missing_entry or not evidence.call:
            yield Finding(path, f"{who} cannot be called")
        elif wrong := [group.name for group in evidence.groups if not group.agrees]:
            case = evidence.first_failed
            seen = f": {case.reason} in a case {case.kind!r}" if case is not None else ""
            yield Finding(path, f"{who} fails {', '.join(wrong)}{seen}")
        elif not evidence.repeatable:
            yield Finding(path, f"{who} gives different answers to the same call")
        elif evidence.tolerance_used is not None:
            self.tolerance_used[path] = evidence.tolerance_used
            if evidence.tolerance_used > CLOSE:
                what = f"{who} uses {evidence.tolerance_used:.0%} of the tolerance"
                yield Finding(path, what, is_error=False)

    def _mistake(self, path: str, name: str, evidence: FunctionEvidence) -> Iterator[Finding]:
        if evidence.outcome is not Outcome.OK and not evidence.groups:
            yield Finding(path, f"this mistake does not run in any case: {evidence.outcome}")
        elif all(group.agrees for group in evidence.groups):
            yield Finding(path, "the cases cannot tell this mistake from the reference")
        elif evidence.diagnosis is None:
            yield Finding(path, "this mistake is not recognised: it gives different answers to the same call")
        else:
            for other in sorted({evidence.diagnosis, *evidence.diagnosis_also} - {name}):
                yield Finding(path, f"the cases cannot tell this mistake from {other}")

    def _grade(self, path: str, source: str, author: Author) -> FunctionEvidence:
        self._progress(path, self._tried, 1 + len(self._files.correct) + len(self._files.mistakes))
        self._tried += 1
        self._failed_kinds = {}
        with self._sandbox.child(self._limits) as child:
            request = {"source": source, "prelude": self._prelude, "filename": "code.py", "without_gpu": False}
            loaded = child.request("load", request)
            if loaded.outcome is not Outcome.OK:
                return FunctionEvidence(outcome=loaded.outcome, error=loaded.error)
            entry, rng = self._files.options.entry, np.random.default_rng()
            evidence = measure.measure(child, entry, self._files, lambda: author, self._key, rng)
        self._failed_kinds = {kind.name: kind.failed > 0 for kind in evidence.kinds}
        return evidence
