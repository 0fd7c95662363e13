"""One sandbox child on the trusted side: sends requests, checks the answers, enforces limits, explains deaths."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from grader.evidence import LimitHit, Outcome, StudentError, Wanted
from grader.line_map import LineMap
from grader.sandbox import frames, status
from grader.sandbox.control_groups import Group
from grader.sandbox.frames import Array
from grader.sandbox.idle import IdleClock
from grader.sandbox.policy import Limits
from grader.sandbox.replies import InfrastructureFault, Reply

_TICK_SECONDS = 0.1
_STALL_SECONDS = 1.0
"""A longer pause between two checks of a child means that this process did not run."""
_ALLOCATION = re.compile(r"allocate (\d+) bytes")
_NO_THREAD = "can't start new thread"
_END_SECONDS = 10.0
_BLOCK = 1 << 16


class Cancelled(Exception):
    """The grading was cancelled while a child was running; the child is dead."""


class ServerFault(InfrastructureFault):
    """The fork server is dead, hangs, or does not speak its protocol: it must be replaced."""


class NoRoom(InfrastructureFault):
    """The machine cannot make another process or pipe at the moment."""


class LockedChild:
    """A child of the fork server. Not thread-safe; close it to kill it."""

    def __init__(
        self, limits: Limits, cancelled: Callable[[], bool] = lambda: False, group: Group | None = None
    ) -> None:
        self.limits = limits
        self.line_map = LineMap()
        """Where the lines of the source that it runs stand in what was submitted."""
        self._group = group
        self.layers: dict[str, str] = {}
        self.pid: int | None = None
        self.end: dict[str, Any] | None = None
        self._cancelled = cancelled
        self._pidfd: int | None = None
        self._sequence = 0
        self._deadline = float("inf")
        self._wall_seconds = limits.wall_seconds
        self.stalled_seconds = 0.0
        """Wall time that does not count, because this process did not run."""
        self._killed_for: Reply | None = None
        with contextlib.ExitStack() as opened:  # closes the first pipes when descriptors run out
            self._out, out = _pipe(opened)
            self._err, err = _pipe(opened)
            requests, self._requests = _pipe(opened)
            self._replies, replies = _pipe(opened)
            self._notice, self._child_notice = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            opened.pop_all()
        self._child_fds = [out, err, requests, replies]
        self._buffers: dict[int, bytearray] = {
            self._replies: bytearray(),
            self._out: bytearray(),
            self._err: bytearray(),
        }
        self._closed: set[int] = set()
        self._printed = 0
        self._resident_kb_at_start = 0
        self._checked_at = 0.0
        self._last_turn_at = time.monotonic()
        self._idle: IdleClock | None = None
        for fd in (self._out, self._err, self._requests, self._replies):
            os.set_blocking(fd, False)
        self._oom_kills = _oom_kills()

    # -- set up -------------------------------------------------------------------------------------------------

    def child_fds(self) -> list[int]:
        """The child's descriptors in the order that the fork server expects: out, err, requests, replies, notice."""
        return [*self._child_fds, self._child_notice.fileno()]

    def close_child_fds(self) -> None:
        """Close the copies of the child's descriptors, so that its death shows as an end of file."""
        for fd in self._child_fds:
            os.close(fd)
        self._child_fds = []
        self._child_notice.close()

    def wait_until_locked(self, seconds: float) -> None:
        """Wait for the child's process and its first frame, before which no student code runs.

        Raises `ServerFault`, `NoRoom` and `InfrastructureFault`.
        """
        try:
            self._notice.settimeout(seconds)
            message, fds, _, _ = socket.recv_fds(self._notice, 4096, 1)
        except OSError as error:
            raise ServerFault(f"the fork server made no child: {error}") from error
        try:
            order = json.loads(message)
            if "refused" in order:
                raise NoRoom(f"the fork server could make no child: {order['refused']}")
            self.pid, self._pidfd = int(order["pid"]), fds[0]
        except (ValueError, LookupError, TypeError) as error:
            for fd in fds:
                os.close(fd)
            raise ServerFault("the fork server made no child") from error
        if self._group is not None:
            try:
                self._group.add(self.pid)
            except OSError as error:
                raise NoRoom(f"the child cannot enter its control group: {error.strerror}") from error
        self._deadline = time.monotonic() + seconds
        try:
            meta, _ = self._exchange(b"", 0, (frames.READY,))[1:]
        except (_ChildEnded, frames.ProtocolError) as error:
            raise InfrastructureFault(f"a child ended before it was locked: {self.stderr[-500:]}") from error
        self.layers = {str(name): str(result) for name, result in meta["layers"].items()}
        self._resident_kb_at_start = status.read(self.pid).get("VmHWM", 0)
        self._idle = IdleClock(self.pid)

    def is_waiting(self) -> bool:
        """Whether a locked child is alive and silent, as it must be before its first request."""
        poll = select.poll()
        for fd in (self._notice.fileno(), self._replies, self._out, self._err):
            poll.register(fd, select.POLLIN)
        return not poll.poll(0)

    def start_clocks(self, cancelled: Callable[[], bool]) -> None:
        """Start the clocks of a locked child, however long it waited as a spare."""
        self._cancelled = cancelled
        self._oom_kills = _oom_kills()
        self._last_turn_at = time.monotonic()
        self._deadline = self._last_turn_at + self._wall_seconds

    def shorten(self, wall_seconds: float) -> None:
        """Lower the wall time that remains to ``wall_seconds``; a lower limit stays."""
        if wall_seconds < self._wall_seconds:
            self._wall_seconds = wall_seconds
            self._deadline = time.monotonic() + wall_seconds

    # -- requests -----------------------------------------------------------------------------------------------

    def request(self, op: str, meta: dict[str, Any] | None = None, arrays: Sequence[Array] = ()) -> Reply:
        """Send one request and wait for its answer.

        Any failure is the student's, unless the fork server itself died (`InfrastructureFault`). Raises `Cancelled`.
        """
        if self.end is not None or self._killed_for is not None:
            return self._death_reply()
        self._sequence += 1
        if self._idle is not None:
            self._idle.restart()
        data = frames.encode(frames.REQUEST, self._sequence, {"op": op, **(meta or {})}, arrays)
        try:
            if self._drain(self._replies):
                raise frames.ProtocolError("the child wrote before it was asked")
            kind, answer, out = self._exchange(data, self._sequence, (frames.REPLY, frames.FAILURE))
            answer = _printable_data(answer)
        except _ChildEnded:
            pass
        except frames.TooLarge as error:
            hit = self._limit_hit("reply", self.limits.reply_mb, error.size / (1 << 20), "MB")
            self._end_for_protocol_error(str(error), hit)
        except frames.ProtocolError as error:
            self._end_for_protocol_error(str(error))
        except RecursionError:
            self._end_for_protocol_error("the reply's JSON is nested too deeply")
        else:
            return Reply(outcome=Outcome.OK, meta=answer, arrays=out) if kind == frames.REPLY else self._failure(answer)
        return self._death_reply()

    def _failure(self, answer: dict[str, Any]) -> Reply:
        outcome, limit = Outcome.ERROR, None
        message = str(answer.get("message", ""))[:2000]
        if answer.get("memory") is True:
            outcome, limit = Outcome.MEMORY, self._memory_limit_hit(message)
        elif answer.get("forbidden") is True:
            outcome = Outcome.FORBIDDEN
        elif _NO_THREAD in message:
            limit = self._thread_limit_hit()
        line, name, source = answer.get("line"), answer.get("name"), answer.get("source")
        error = StudentError(
            type=str(answer.get("type", "Exception"))[:100],
            message=message,
            line=line if type(line) is int and 0 < line < 10**7 else None,
            source=str(source)[:300] if source is not None else None,
            name=str(name)[:100] if name is not None else None,
            traceback=str(answer.get("traceback", ""))[:8000],
            wanted=Wanted(answer["wanted"]) if answer.get("wanted") in [*Wanted] else None,
        )
        return Reply(outcome=outcome, error=self.line_map.in_error(error), limit=limit)

    def _exchange(
        self, data: bytes, sequence: int, kinds: tuple[int, ...]
    ) -> tuple[int, dict[str, Any], tuple[Array, ...]]:
        """Write ``data`` while reading one whole frame. Raises ``_ChildEnded`` and `frames.ProtocolError`."""
        pending = memoryview(data)
        received = self._buffers[self._replies]
        header = frames.HEADER.size
        while len(received) < header:
            pending = self._exchange_step(pending)
        kind, text, body = frames.sizes(bytes(received[:header]), sequence, kinds, self.limits.reply_mb << 20)
        while len(received) < header + text + body:
            pending = self._exchange_step(pending)
        if len(received) > header + text + body:
            raise frames.ProtocolError("bytes followed the reply")
        frame = bytes(received)
        received.clear()
        return kind, *frames.decode(frame[header : header + text], frame[header + text :])

    def _exchange_step(self, pending: memoryview) -> memoryview:
        """Wait a tick at most for the pipes. Returns the bytes still to write. Raises ``_ChildEnded``, `Cancelled`."""
        poll = select.poll()
        for fd in self._buffers:
            if fd not in self._closed:
                poll.register(fd, select.POLLIN)
        if pending:
            poll.register(self._requests, select.POLLOUT)
        events = dict(poll.poll(_TICK_SECONDS * 1000))
        for fd in (self._out, self._err, self._replies):
            if fd in events:
                self._drain(fd)
        if pending and self._requests in events:
            try:
                pending = pending[os.write(self._requests, pending[:_BLOCK]) :]
            except BlockingIOError:
                pass
            except BrokenPipeError:
                pending = pending[:0]
        self._enforce()
        if self._cancelled():
            self._kill()
            raise Cancelled
        return pending

    def _extend_deadline_after_stall(self) -> None:
        """Give a child the time back in which this process did not run and could not have read its answer."""
        stalled, self._last_turn_at = time.monotonic() - self._last_turn_at, time.monotonic()
        if stalled > _STALL_SECONDS:
            self._deadline += stalled
            self.stalled_seconds += stalled
            if self._idle is not None:
                self._idle.restart()

    def _enforce(self) -> None:
        """End a child that exceeds a limit that the kernel does not enforce. Raises ``_ChildEnded``."""
        self._extend_deadline_after_stall()
        printed = self._printed / (1 << 20)
        if printed > self.limits.output_mb:
            hit = self._limit_hit("output", self.limits.output_mb, printed, "MB")
            self._killed_for = Reply(outcome=Outcome.OUTPUT_LIMIT, limit=hit)
        elif self._replies in self._closed:
            raise _ChildEnded
        elif time.monotonic() > self._deadline:
            wall = round(self._wall_seconds, 1)
            self._killed_for = Reply(outcome=Outcome.TIMEOUT, limit=self._limit_hit("wall time", wall, wall, "s"))
        elif time.monotonic() > self._checked_at + _TICK_SECONDS and self.pid is not None:
            self._checked_at = time.monotonic()
            hit = self._thread_limit_hit()
            if (hit.used or 0) > hit.allowed:
                message = f"{hit.used:.0f} threads ran at once; at most {hit.allowed:.0f} are allowed"
                error = StudentError(type="TooManyThreads", message=message)
                self._killed_for = Reply(outcome=Outcome.ERROR, error=error, limit=hit)
            elif self._idle is not None and (idle_seconds := self._idle.seconds()) > self.limits.idle_seconds:
                hit = self._limit_hit("idle time", self.limits.idle_seconds, idle_seconds, "s")
                self._killed_for = Reply(outcome=Outcome.TIMEOUT, limit=hit)
        if self._killed_for is not None:
            self._kill()
            raise _ChildEnded

    def _drain(self, fd: int) -> bool:
        """Read one block from a pipe without waiting. Returns whether its buffer holds anything."""
        try:
            block = os.read(fd, _BLOCK * 16 if fd == self._replies else _BLOCK)
        except BlockingIOError:
            return bool(self._buffers[fd])
        if not block:
            self._closed.add(fd)
        buffer = self._buffers[fd]
        if fd == self._replies:
            buffer += block
        else:
            self._printed += len(block)
            buffer += block[: max(0, (self.limits.kept_output_kb << 10) - len(buffer))]
        return bool(buffer)

    # -- the end ------------------------------------------------------------------------------------------------

    def _kill(self) -> None:
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def _end_for_protocol_error(self, message: str, limit: LimitHit | None = None) -> None:
        """End a child that broke the protocol."""
        error = StudentError(type="ProtocolError", message=message)
        self._killed_for = Reply(outcome=Outcome.PROTOCOL, error=error, limit=limit)
        self._kill()

    def _death_reply(self) -> Reply:
        """Why the child is dead, by the kernel's report through the fork server and not by anything the child said."""
        end = self._await_end()
        if self._killed_for is not None:
            return self._killed_for
        cpu, number = float(end["cpu_seconds"]), end["signal"]
        if number == signal.SIGSYS:
            return Reply(outcome=Outcome.FORBIDDEN)
        used_up = cpu >= self.limits.cpu_seconds - 0.5
        if number == signal.SIGXCPU or (number == signal.SIGKILL and used_up):
            return Reply(outcome=Outcome.TIMEOUT, limit=self._limit_hit("CPU time", self.limits.cpu_seconds, cpu, "s"))
        if number == signal.SIGKILL:
            full, killed = self._group.memory_events() if self._group else (0, _oom_kills() - self._oom_kills)
            if full:
                return Reply(outcome=Outcome.MEMORY, limit=self._memory_limit_hit(""))
            if killed > 0:
                raise InfrastructureFault("the machine ran out of memory and the kernel ended a process")
        if number == signal.SIGABRT and "bad_alloc" in self.stderr:
            return Reply(outcome=Outcome.MEMORY, limit=self._memory_limit_hit(""))
        how = f"signal {signal.Signals(number).name}" if number else f"exit code {end['exit']}"
        return Reply(outcome=Outcome.DIED, error=StudentError(type="ProcessEnded", message=how, signal=number or None))

    def _await_end(self) -> dict[str, Any]:
        """The kernel's report of the end; kills a child that closed its reply pipe and is still alive."""
        if self.end is None:
            self._notice.settimeout(1.0)
            for _ in range(int(_END_SECONDS)):
                try:
                    self.end = json.loads(self._notice.recv(4096))
                    break
                except TimeoutError:
                    if self._killed_for is None:
                        self._end_for_protocol_error("the child closed its reply pipe and lived on")
                except (OSError, ValueError) as error:
                    raise ServerFault("the fork server died") from error
            else:
                raise ServerFault("the fork server does not report the end of a child")
        return self.end

    def cpu_seconds(self) -> float:
        """Processor time used so far, by the kernel's word."""
        if self.end is None:
            self._notice.setblocking(False)
            with contextlib.suppress(OSError, ValueError):  # the child lives
                self.end = json.loads(self._notice.recv(4096))
        if self.end is not None:
            return float(self.end["cpu_seconds"])
        return status.cpu_seconds(self.pid or 0)

    @staticmethod
    def _limit_hit(limit: str, allowed: float, used: float, unit: str) -> LimitHit:
        return LimitHit(limit=limit, allowed=allowed, used=round(used, 1), unit=unit)

    def _memory_limit_hit(self, message: str) -> LimitHit:
        """The memory limit, with the peak of resident memory and the refused request as its use.

        The use is ``None`` when ``message`` has no size and the peak alone is too low to explain the refusal.
        """
        peak = status.read(self.pid or 0).get("VmHWM") or (self.end or {}).get("max_rss_kb", 0)
        refused = _ALLOCATION.search(message)
        refused_mb = min(int(refused[1][:18]), 1 << 60) / (1 << 20) if refused else 0
        used = (peak - self._resident_kb_at_start) / 1024 + refused_mb
        explains = refused is not None or used > self.limits.memory_mb / 2
        return LimitHit(
            limit="memory", allowed=self.limits.memory_mb, used=round(used) if explains else None, unit="MB"
        )

    def _thread_limit_hit(self) -> LimitHit:
        used = status.read(self.pid or 0).get("Threads")
        return LimitHit(limit="threads", allowed=self.limits.threads, used=used, unit="threads")

    def close(self) -> None:
        """Kill the child without waiting, and close every descriptor."""
        if self._child_fds:
            self.close_child_fds()
        self._kill()
        for fd in (self._out, self._err, self._requests, self._replies):
            os.close(fd)
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        self._notice.close()

    # -- output -------------------------------------------------------------------------------------------------

    def clear_output(self) -> None:
        """Forget the output so far, when a child runs code of another question."""
        for fd in (self._out, self._err):
            self._drain(fd)
            self._buffers[fd].clear()

    @property
    def stdout(self) -> str:
        """The output of the student's code so far, capped, control characters escaped."""
        return _printable(self._buffers[self._out].decode("utf-8", "backslashreplace"))

    @property
    def stderr(self) -> str:
        """The same for the error stream."""
        return _printable(self._buffers[self._err].decode("utf-8", "backslashreplace"))


class _ChildEnded(Exception):
    """The reply pipe was closed, or the child was killed."""


def _pipe(opened: contextlib.ExitStack) -> tuple[int, int]:
    read, write = os.pipe2(os.O_CLOEXEC)
    opened.callback(os.close, read)
    opened.callback(os.close, write)
    return read, write


def _printable_data(value: Any) -> Any:
    """JSON data with every text made printable."""
    if isinstance(value, str):
        return _printable(value)
    if isinstance(value, list):
        return [_printable_data(item) for item in value]
    if isinstance(value, dict):
        return {_printable(name): _printable_data(item) for name, item in value.items()}
    return value


def _printable(text: str) -> str:
    """The text with control characters, which could rewrite a terminal or reverse a line, as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def _oom_kills() -> int:
    """Number of processes that this machine's kernel has killed because memory ran out."""
    try:
        with open("/proc/vmstat", encoding="ascii") as table:
            return next((int(line.split()[1]) for line in table if line.startswith("oom_kill ")), 0)
    except OSError:
        return 0
