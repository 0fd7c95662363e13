"""Python's own parser, made safe for any text: an answer or a `StudentError`, never an exception or a warning."""

from __future__ import annotations

import ast
import re
import sys
import threading
import warnings

from grader.evidence import StudentError

_FILENAME = "<hand-in>"
_lock = threading.Lock()
_TYPE_PARAMETERS = re.compile(r"(?:async\s+)?(?:class|def)\s+\w+\s*\[|type\s+\w+\s*(?:\[[^\]]*\]\s*)?=")
_QUOTED_INSIDE = re.compile(r"\{[^{}]*[\"'][^{}]*\}")


def tree(text: str) -> ast.Module:
    """The syntax tree of a text, without warnings. Raises what `ast.parse` raises.

    One at a time: before 3.11.8, Python counts the depth of all trees that are being made in one place, and two threads
    at once end in a ``SystemError`` (cpython issue 106905). The filter of warnings is one for the process too.
    """
    with _lock, warnings.catch_warnings():
        # What they say of the student's style (invalid escapes, `is` with a literal) is not ours to print.
        warnings.simplefilter("ignore")
        return ast.parse(text, _FILENAME)


def parse(text: str) -> ast.Module | StudentError:
    """The syntax tree of a text, or where and why there is none."""
    try:
        return tree(text)
    except SyntaxError as error:
        return _student_error(error, text)
    except (RecursionError, MemoryError):
        return too_deep()
    except ValueError as error:
        return StudentError(type="SyntaxError", message=str(error))


def compiles(text: str) -> StudentError | None:
    """What the compiler refuses beyond grammar: ``return`` outside a function, a parameter named twice, ..."""
    try:
        with _lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, _FILENAME, "exec", dont_inherit=True)
    except SyntaxError as error:
        return _student_error(error, text)
    except (RecursionError, MemoryError):
        return too_deep()
    except ValueError as error:
        return StudentError(type="SyntaxError", message=str(error))
    return None


def needs_newer_python(error: StudentError) -> bool:
    """Whether a later Python accepts it: type parameters (PEP 695), quotes and backslashes in f-strings (PEP 701)."""
    source = error.source or ""
    if sys.version_info < (3, 12) and error.message.startswith("f-string"):
        nested = error.message.startswith("f-string: expecting '}'") and _QUOTED_INSIDE.search(source)
        return bool(nested) or "unmatched" in error.message or "cannot include a backslash" in error.message
    return sys.version_info < (3, 12) and _TYPE_PARAMETERS.match(source) is not None


def too_deep() -> StudentError:
    """The error of a source that is nested deeper than any parser follows."""
    return StudentError(type="RecursionError", message="the code is nested too deeply")


def _student_error(error: SyntaxError, text: str) -> StudentError:
    lines = text.split("\n")
    line = error.lineno
    source = lines[line - 1].strip()[:200] if line is not None and 0 < line <= len(lines) else None
    return StudentError(type=type(error).__name__, message=str(error.msg)[:300], line=line, source=source)
