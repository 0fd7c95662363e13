"""Grades the whole collection and says where the verdict is another than the expected one; words narrow the choice."""

from __future__ import annotations

import sys

from grader import messages
from grader.assignment import bundled
from grader.sandbox.supervisor import Sandbox
from tests.integration.hand_ins.collection import everything


def main() -> int:
    """One line a hand-in; with its messages where it differs."""
    assignment = bundled("hw13")
    chosen = [entry for entry in everything() if all(word in entry.title for word in sys.argv[1:])]
    wrong = 0
    with Sandbox() as sandbox:
        for entry in chosen:
            score = entry.grade(assignment, sandbox)
            good = entry.agrees(score)
            wrong += not good
            ids = ", ".join(message.id for message in score.messages)
            print(f"{'' if good else 'DIFFERS '}{entry.question} {entry.title}: {score.verdict} {score.score} ({ids})")
            for message in () if good else score.messages:
                print("   ", messages.render(message))
    print(f"{len(chosen)} hand-ins, {wrong} otherwise than expected")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
