"""Python's own parser, made safe for any text: returns a result or a `StudentError`, never raises or warns."""

from __future__ import annotations

import ast
import re
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from grader.evidence import StudentError
from grader.line_map import LINE_IN_MESSAGE

_T = TypeVar("_T")
_FILENAME = "<submission>"
_lock = threading.Lock()
_DETECTED = re.compile(r" \(detected at line \d{1,9}\)")
"""A second line in Python's message on a string that does not end, counted from the piece that was parsed."""
_TYPE_PARAMETERS = re.compile(r"(?:async\s+)?(?:class|def)\s+\w+\s*\[|type\s+\w+\s*(?:\[[^\]]*\]\s*)?=")
_QUOTED_INSIDE = re.compile(r"\{[^{}]*[\"'][^{}]*\}")


def tree(text: str) -> ast.Module:
    """The syntax tree of a text, without warnings. Raises what `ast.parse` raises.

    One thread at a time: before 3.11.8, Python counts the depth of all trees under construction in one place, and two
    threads at once end in a ``SystemError`` (cpython issue 106905). The warnings filter is global to the process too.
    """
    with _lock, warnings.catch_warnings():
        # Ignore warnings on the student's style (invalid escapes, `is` with a literal): they would go to our log.
        warnings.simplefilter("ignore")
        return ast.parse(text, _FILENAME)


def parse(text: str) -> ast.Module | StudentError:
    """The syntax tree of a text, or where and why there is none."""
    return _result_or_error(tree, text)


def is_readable(text: str) -> bool:
    """Whether Python's grammar accepts a text."""
    return isinstance(parse(text), ast.Module)


def grammar_error(text: str) -> StudentError | None:
    """Why Python's grammar refuses a text."""
    parse_result = parse(text)
    return parse_result if isinstance(parse_result, StudentError) else None


def compile_error(text: str) -> StudentError | None:
    """What the compiler refuses beyond grammar: ``return`` outside a function, a parameter named twice, ..."""
    return _result_or_error(_compile, text)


def _compile(text: str) -> None:
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(text, _FILENAME, "exec", dont_inherit=True)


def _result_or_error(action: Callable[[str], _T], text: str) -> _T | StudentError:
    try:
        return action(text)
    except SyntaxError as error:
        return _student_error(error, text)
    except (RecursionError, MemoryError):
        return too_deep()
    except ValueError as error:
        return StudentError(type="SyntaxError", message=str(error))


def needs_newer_python(error: StudentError) -> bool:
    """Whether only a later Python accepts the line: type parameters (PEP 695), quotes in f-strings (PEP 701)."""
    source = error.source or ""
    if sys.version_info < (3, 12) and error.message.startswith("f-string"):
        nested = error.message.startswith("f-string: expecting '}'") and _QUOTED_INSIDE.search(source)
        return bool(nested) or "unmatched" in error.message or "cannot include a backslash" in error.message
    return sys.version_info < (3, 12) and _TYPE_PARAMETERS.match(source) is not None


def place(error: StudentError) -> dict[str, Any]:
    """Line, source and message of an error, as parameters of a note."""
    return {"line": error.line, "source": error.source, "message": error.message}


def shifted(error: StudentError, lines: int) -> StudentError:
    """The error of a piece of a text, where the piece begins after this many lines."""
    if error.line is None:
        return error
    message = LINE_IN_MESSAGE.sub(lambda match: str(int(match[0]) + lines), error.message)
    return error.model_copy(update={"line": error.line + lines, "message": message})


def too_deep() -> StudentError:
    """The error of a source that is nested too deeply for Python's parser."""
    return StudentError(type="RecursionError", message="the code is nested too deeply")


def _student_error(error: SyntaxError, text: str) -> StudentError:
    lines = text.split("\n")
    line = error.lineno
    source = lines[line - 1].strip()[:200] if line is not None and 0 < line <= len(lines) else None
    message = _DETECTED.sub("", str(error.msg))[:300]
    return StudentError(type=type(error).__name__, message=message, line=line, source=source)
