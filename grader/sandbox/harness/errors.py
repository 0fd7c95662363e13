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
"""Messages about missing memory; the last two are oneDNN's, about a layer's working memory."""
_GPU = re.compile(r"\bcuda\b|_cuda_|nvidia|mps devices?\b|dummy base class", re.IGNORECASE)
"""Parts of torch's messages about a missing GPU."""


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as data, in the student's own lines. Survives exceptions that cannot even be printed."""
    try:
        message = str(error)
    except BaseException:
        message = "(its message cannot be shown)"
    location = _location(error)
    return {
        "type": type(error).__name__[:100],
        "message": _shorten(message, MAX_MESSAGE),
        "line": location[0],
        "source": location[1],
        "name": str(error.name)[:100] if isinstance(error, NameError) and error.name else None,
        "traceback": _shorten(_traceback(error), MAX_TRACEBACK),
        "memory": isinstance(error, MemoryError) or _NO_MEMORY.search(message) is not None,
        "forbidden": isinstance(error, OSError)
        and error.errno in (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSYS),
        "wanted": _missing_resource(error, message, location[1] or ""),
    }


def _missing_resource(error: BaseException, message: str, source: str) -> str | None:
    """The resource that the code wanted and a child lacks, as a guess for the message; it decides no points."""
    if _GPU.search(message) or (isinstance(error, AssertionError) and _GPU.search(source)):
        return "gpu"
    if "Read-only file system" in message and isinstance(error, OSError | RuntimeError):
        return "file_written"
    if not isinstance(error, OSError):
        return None
    filenames = " ".join(frame.filename for frame in _all_frames(error)) + " " + type(error).__module__
    if any(module in filenames for module in _DOWNLOADS):
        return "download"
    if any(module in filenames for module in _NETWORK):
        return "network"
    if any(module in filenames for module in _PROCESSES):
        return "workers" if "/torch/utils/data/" in filenames else "process"
    if error.filename is not None:
        # Landlock refuses reads with EACCES, the filter refuses calls that change something with EPERM.
        return "file_written" if error.errno == errno.EPERM else "file_read"
    return "process" if error.errno == errno.EPERM else None


def _is_students(frame: traceback.FrameSummary) -> bool:
    return not frame.filename.startswith("<") and os.sep not in frame.filename and frame.filename.endswith(".py")


def _all_frames(error: BaseException) -> list[traceback.FrameSummary]:
    try:
        return list(traceback.extract_tb(error.__traceback__, limit=400))
    except BaseException:
        return []


def _student_frames(error: BaseException) -> list[traceback.FrameSummary]:
    return [frame for frame in _all_frames(error) if _is_students(frame)]


def _location(error: BaseException) -> tuple[int | None, str | None]:
    if isinstance(error, SyntaxError):
        return error.lineno, _shorten((error.text or "").rstrip("\n"), 300)
    frames = _student_frames(error)
    if not frames:
        return None, None
    return frames[-1].lineno, _shorten(frames[-1].line or "", 300)


def _traceback(error: BaseException) -> str:
    lines = traceback.format_list(_student_frames(error)[-30:])
    try:
        lines += traceback.format_exception_only(error)
    except BaseException:
        lines.append(type(error).__name__)
    return "".join(lines)


def _shorten(text: str, cap: int) -> str:
    return text[:cap].encode("utf-8", "backslashreplace").decode("utf-8")
