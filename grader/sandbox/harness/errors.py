"""An exception of the student's as data, in the student's own lines. Runs beside the student's code."""

from __future__ import annotations

import errno
import os
import re
import traceback
from typing import Any

MAX_MESSAGE, MAX_TRACEBACK = 2000, 8000
_NETWORK = ("/urllib/", "/socket.py", "/http/", "/ssl.py", "/requests/", "urllib.error")
_DOWNLOADS = ("/torch/hub.py", "/urllib/request.py")
_PROCESSES = ("/subprocess.py", "/multiprocessing/")
_NO_MEMORY = re.compile("allocate memory|not enough memory|could not create a (?:primitive$|memory object)")
"""The last two are oneDNN's, which has found no room for a layer's working memory."""
_GPU = re.compile(r"\bcuda\b|_cuda_|nvidia|mps devices?\b|dummy base class", re.IGNORECASE)
"""In what torch says of a GPU where there is none."""


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as data, in the student's own lines. Survives exceptions that cannot even be printed."""
    try:
        message = str(error)
    except BaseException:
        message = "(its message cannot be shown)"
    place = _place(error)
    return {
        "type": type(error).__name__[:100],
        "message": _text(message, MAX_MESSAGE),
        "line": place[0],
        "source": place[1],
        "name": str(error.name)[:100] if isinstance(error, NameError) and error.name else None,
        "traceback": _text(_traceback(error), MAX_TRACEBACK),
        "memory": isinstance(error, MemoryError) or _NO_MEMORY.search(message) is not None,
        "forbidden": isinstance(error, OSError)
        and error.errno in (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSYS),
        "wanted": _wanted(error, message, place[1] or ""),
    }


def _wanted(error: BaseException, message: str, source: str) -> str | None:
    """What the code was after that cannot be had in here. It earns nothing, so a guess will do."""
    if _GPU.search(message) or (isinstance(error, AssertionError) and _GPU.search(source)):
        return "gpu"
    if "Read-only file system" in message and isinstance(error, OSError | RuntimeError):
        return "file_written"
    if not isinstance(error, OSError):
        return None
    passed = " ".join(frame.filename for frame in _walked(error)) + " " + type(error).__module__
    if any(module in passed for module in _DOWNLOADS):
        return "download"
    if any(module in passed for module in _NETWORK):
        return "network"
    if any(module in passed for module in _PROCESSES):
        return "workers" if "/torch/utils/data/" in passed else "process"
    if error.filename is not None:
        # Reads are Landlock's matter (EACCES), calls that change something the filter's (EPERM).
        return "file_written" if error.errno == errno.EPERM else "file_read"
    return "process" if error.errno == errno.EPERM else None


def _own(frame: traceback.FrameSummary) -> bool:
    return not frame.filename.startswith("<") and os.sep not in frame.filename and frame.filename.endswith(".py")


def _walked(error: BaseException) -> list[traceback.FrameSummary]:
    try:
        return list(traceback.extract_tb(error.__traceback__, limit=400))
    except BaseException:
        return []


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return [frame for frame in _walked(error) if _own(frame)]


def _place(error: BaseException) -> tuple[int | None, str | None]:
    if isinstance(error, SyntaxError):
        return error.lineno, _text((error.text or "").rstrip("\n"), 300)
    own = _frames(error)
    if not own:
        return None, None
    return own[-1].lineno, _text(own[-1].line or "", 300)


def _traceback(error: BaseException) -> str:
    lines = traceback.format_list(_frames(error)[-30:])
    try:
        lines += traceback.format_exception_only(error)
    except BaseException:
        lines.append(type(error).__name__)
    return "".join(lines)


def _text(text: str, cap: int) -> str:
    return text[:cap].encode("utf-8", "backslashreplace").decode("utf-8")
