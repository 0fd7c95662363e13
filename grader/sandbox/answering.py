"""Inside a child: receive requests on a pipe and answer them in frames, until the pipe closes.

Bound before any code of a student runs: a student who breaks this breaks only his own answers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from grader.sandbox import frames
from grader.sandbox.frames import Operation

REQUESTS, REPLIES = 3, 4

_read, _write = os.read, os.write


def answer_requests(table: Mapping[str, Operation], describe: Callable[[BaseException], dict[str, Any]]) -> None:
    """Answer each request by the operation of its name. An exception, as ``describe`` puts it, is an answer too."""
    sequence = 0
    while True:
        sequence += 1
        header = _receive(frames.HEADER.size)
        _, text, body = frames.sizes(header, sequence, (frames.REQUEST,), 1 << 32)
        meta, arrays = frames.decode(_receive(text), _receive(body))
        operation = table[str(meta.pop("op"))]
        try:
            answer, out = operation(meta, arrays)
            frame = frames.encode(frames.REPLY, sequence, answer, out)
        except BaseException as error:
            frame = frames.encode(frames.FAILURE, sequence, describe(error))
        _flush()
        send(frame)


def send(frame: bytes) -> None:
    """Write one whole frame to the reply pipe."""
    view = memoryview(frame)
    while view:
        view = view[_write(REPLIES, view) :]


def _receive(size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        block = _read(REQUESTS, min(size - len(data), 1 << 20))
        if not block:
            os._exit(0)
        data += block
    return bytes(data)


def _flush() -> None:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:  # the student may have replaced or closed them
        pass
