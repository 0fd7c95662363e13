"""Grades the collection, or those whose title holds all WORDs, and says where the verdict is another than expected."""

from __future__ import annotations

import argparse
import sys

from grader import messages
from grader.assignment import bundled
from grader.sandbox.supervisor import Sandbox
from tests.integration.submissions.collection import everything


def main() -> int:
    """One line a submission; with its messages where it differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.submissions", description=__doc__)
    parser.add_argument("word", nargs="*", help="a word of the title")
    parser.add_argument("--question", help="1.1 or 2.1: only submissions of this question")
    parser.add_argument("--times", type=int, default=1, help="grade each so often: every time on other drawn cases")
    chosen = parser.parse_args()
    assignment = bundled("hw13")
    entries = [
        entry
        for entry in everything()
        if all(word in entry.title for word in chosen.word) and chosen.question in (None, entry.question)
    ]
    wrong = 0
    with Sandbox() as sandbox:
        for entry in entries:
            for _ in range(chosen.times):
                score = entry.grade(assignment, sandbox)
                good = entry.agrees(score)
                wrong += not good
                if good and chosen.times > 1:
                    continue
                ids = ", ".join(message.id for message in score.messages)
                start = "" if good else "DIFFERS "
                print(f"{start}{entry.question} {entry.title}: {score.verdict} {score.score} ({ids})")
                for message in () if good else score.messages:
                    print("   ", messages.render(message))
    print(f"{len(entries)} submissions, {wrong} times otherwise than expected")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
