"""One sandbox child as the trusted side sees it: requests out, checked frames in, limits enforced, death explained."""

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
from grader.sandbox import frames, status
from grader.sandbox.control_groups import Group
from grader.sandbox.frames import Array
from grader.sandbox.idle import IdleClock
from grader.sandbox.policy import Limits
from grader.sandbox.replies import InfrastructureFault, Reply

_TICK_SECONDS = 0.1
_STALL_SECONDS = 1.0
"""Between two looks at a child: longer, and it was this process that did not run."""
_ALLOCATION = re.compile(r"allocate (\d+) bytes")
_NO_THREAD = "can't start new thread"
_END_SECONDS = 10.0
_BLOCK = 1 << 16


class Cancelled(Exception):
    """The grading was called off while a child was running; the child is dead."""


class ServerFault(InfrastructureFault):
    """The fork server is dead, hangs, or does not speak its protocol: it must be replaced."""


class NoRoom(InfrastructureFault):
    """The machine has no room for one more process or pipe just now."""


class LockedChild:
    """A child of the fork server. Not thread-safe; close it to kill it."""

    def __init__(
        self, limits: Limits, cancelled: Callable[[], bool] = lambda: False, group: Group | None = None
    ) -> None:
        self.limits = limits
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
        """Wall time that did not count, because this process did not run."""
        self._killed_for: Reply | None = None
        with contextlib.ExitStack() as opened:  # nothing stays open when descriptors run out half way
            self._out, out = _pipe(opened)
            self._err, err = _pipe(opened)
            requests, self._requests = _pipe(opened)
            self._replies, replies = _pipe(opened)
            self._notice, self._far_notice = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            opened.pop_all()
        self._far_ends = [out, err, requests, replies]
        self._buffers: dict[int, bytearray] = {
            self._replies: bytearray(),
            self._out: bytearray(),
            self._err: bytearray(),
        }
        self._closed: set[int] = set()
        self._printed = 0
        self._resident_kb = 0
        self._looked = 0.0
        self._there = time.monotonic()
        self._idle: IdleClock | None = None
        for fd in (self._out, self._err, self._requests, self._replies):
            os.set_blocking(fd, False)
        self._oom_kills = _oom_kills()

    # -- set up -------------------------------------------------------------------------------------------------

    def take_far_ends(self) -> list[int]:
        """The child's descriptors in the order that the fork server expects: out, err, requests, replies, notice."""
        return [*self._far_ends, self._far_notice.fileno()]

    def close_far_ends(self) -> None:
        """Close our copies of the child's descriptors, so that its death shows as an end of file."""
        for fd in self._far_ends:
            os.close(fd)
        self._far_ends = []
        self._far_notice.close()

    def wait_until_locked(self, seconds: float) -> None:
        """Wait for the child's process and its first frame: until then no student's code runs.

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
            meta, _ = self._frame(b"", 0, (frames.READY,))[1:]
        except (_Ended, frames.ProtocolError) as error:
            raise InfrastructureFault(f"a child ended before it was locked: {self.stderr[-500:]}") from error
        self.layers = {str(name): str(found) for name, found in meta["layers"].items()}
        self._resident_kb = status.read(self.pid).get("VmHWM", 0)
        self._idle = IdleClock(self.pid)

    def waits(self) -> bool:
        """Whether a locked child is still there and silent, as it must be before its first request."""
        poll = select.poll()
        for fd in (self._notice.fileno(), self._replies, self._out, self._err):
            poll.register(fd, select.POLLIN)
        return not poll.poll(0)

    def begin(self, cancelled: Callable[[], bool]) -> None:
        """Hand a locked child over: its clocks start now, however long it waited."""
        self._cancelled = cancelled
        self._oom_kills = _oom_kills()
        self._there = time.monotonic()
        self._deadline = self._there + self._wall_seconds

    def shorten(self, wall_seconds: float) -> None:
        """Allow no more wall time than this from now on, where the limits allow more."""
        if wall_seconds < self._wall_seconds:
            self._wall_seconds = wall_seconds
            self._deadline = time.monotonic() + wall_seconds

    # -- requests -----------------------------------------------------------------------------------------------

    def request(self, op: str, meta: dict[str, Any] | None = None, arrays: Sequence[Array] = ()) -> Reply:
        """Send one request and wait for its answer.

        What goes wrong from here on is the student's, unless the fork server itself died (`InfrastructureFault`).
        Raises `Cancelled`.
        """
        if self.end is not None or self._killed_for is not None:
            return self._obituary()
        self._sequence += 1
        if self._idle is not None:
            self._idle.restart()
        data = frames.encode(frames.REQUEST, self._sequence, {"op": op, **(meta or {})}, arrays)
        try:
            if self._drain(self._replies):
                raise frames.ProtocolError("the child wrote before it was asked")
            kind, answer, out = self._frame(data, self._sequence, (frames.REPLY, frames.FAILURE))
            answer = _shown(answer)
        except _Ended:
            return self._obituary()
        except frames.TooLarge as error:
            self._broken(str(error), self._hit("reply", self.limits.reply_mb, error.size / (1 << 20), "MB"))
            return self._obituary()
        except frames.ProtocolError as error:
            self._broken(str(error))
            return self._obituary()
        except RecursionError:
            self._broken("the reply's JSON is nested too deeply")
            return self._obituary()
        return Reply(outcome=Outcome.OK, meta=answer, arrays=out) if kind == frames.REPLY else self._failure(answer)

    def _failure(self, answer: dict[str, Any]) -> Reply:
        outcome, limit = Outcome.ERROR, None
        message = str(answer.get("message", ""))[:2000]
        if answer.get("memory") is True:
            outcome, limit = Outcome.MEMORY, self._memory_limit(message)
        elif answer.get("forbidden") is True:
            outcome = Outcome.FORBIDDEN
        elif _NO_THREAD in message:
            limit = self._thread_limit()
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
        return Reply(outcome=outcome, error=error, limit=limit)

    def _frame(
        self, data: bytes, sequence: int, kinds: tuple[int, ...]
    ) -> tuple[int, dict[str, Any], tuple[Array, ...]]:
        """Write ``data`` while reading one whole frame. Raises ``_Ended`` and `frames.ProtocolError`."""
        pending = memoryview(data)
        received = self._buffers[self._replies]
        wanted = frames.HEADER.size
        sized: tuple[int, int, int] | None = None
        while True:
            if sized is None and len(received) >= wanted:
                cap = self.limits.reply_mb << 20
                sized = frames.sizes(bytes(received[: frames.HEADER.size]), sequence, kinds, cap)
                wanted += sized[1] + sized[2]
            if sized is not None and len(received) >= wanted:
                break
            pending = self._turn(pending)
        if len(received) > wanted:
            raise frames.ProtocolError("bytes followed the reply")
        kind, text, _ = sized
        start = frames.HEADER.size
        frame = bytes(received)
        received.clear()
        return kind, *frames.decode(frame[start : start + text], frame[start + text :])

    def _turn(self, pending: memoryview) -> memoryview:
        """One wait for the pipes, a tick at most. Returns what is left to write. Raises ``_Ended``, `Cancelled`."""
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

    def _forgive_our_absence(self) -> None:
        """A child's time runs only while somebody is there to see that it has answered."""
        absent, self._there = time.monotonic() - self._there, time.monotonic()
        if absent > _STALL_SECONDS:
            self._deadline += absent
            self.stalled_seconds += absent
            if self._idle is not None:
                self._idle.restart()

    def _enforce(self) -> None:
        """End a child that is beyond a limit that the kernel does not know. Raises ``_Ended``."""
        self._forgive_our_absence()
        printed = self._printed / (1 << 20)
        if printed > self.limits.output_mb:
            hit = self._hit("output", self.limits.output_mb, printed, "MB")
            self._killed_for = Reply(outcome=Outcome.OUTPUT_LIMIT, limit=hit)
        elif self._replies in self._closed:
            raise _Ended
        elif time.monotonic() > self._deadline:
            wall = round(self._wall_seconds, 1)
            self._killed_for = Reply(outcome=Outcome.TIMEOUT, limit=self._hit("wall time", wall, wall, "s"))
        elif time.monotonic() > self._looked + _TICK_SECONDS and self.pid is not None:
            self._looked = time.monotonic()
            hit = self._thread_limit()
            if (hit.used or 0) > hit.allowed:
                message = f"{hit.used:.0f} threads ran at once; at most {hit.allowed:.0f} are allowed"
                error = StudentError(type="TooManyThreads", message=message)
                self._killed_for = Reply(outcome=Outcome.ERROR, error=error, limit=hit)
            elif self._idle is not None and (slept := self._idle.seconds()) > self.limits.idle_seconds:
                hit = self._hit("idle time", self.limits.idle_seconds, slept, "s")
                self._killed_for = Reply(outcome=Outcome.TIMEOUT, limit=hit)
        if self._killed_for is not None:
            self._kill()
            raise _Ended

    def _drain(self, fd: int) -> bool:
        """Read what a pipe holds now, one block. Returns whether there is anything unread in its buffer."""
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

    def _broken(self, message: str, limit: LimitHit | None = None) -> None:
        """End a child that does not keep to the protocol."""
        error = StudentError(type="ProtocolError", message=message)
        self._killed_for = Reply(outcome=Outcome.PROTOCOL, error=error, limit=limit)
        self._kill()

    def _obituary(self) -> Reply:
        """Why the child is dead: from the kernel's word through the fork server, not from anything the child said."""
        end = self._await_end()
        if self._killed_for is not None:
            return self._killed_for
        cpu, number = float(end["cpu_seconds"]), end["signal"]
        if number == signal.SIGSYS:
            return Reply(outcome=Outcome.FORBIDDEN)
        used_up = cpu >= self.limits.cpu_seconds - 0.5
        if number == signal.SIGXCPU or (number == signal.SIGKILL and used_up):
            return Reply(outcome=Outcome.TIMEOUT, limit=self._hit("CPU time", self.limits.cpu_seconds, cpu, "s"))
        if number == signal.SIGKILL:
            full, killed = self._group.memory_events() if self._group else (0, _oom_kills() - self._oom_kills)
            if full:
                return Reply(outcome=Outcome.MEMORY, limit=self._memory_limit(""))
            if killed > 0:
                raise InfrastructureFault("the machine ran out of memory and the kernel ended a process")
        if number == signal.SIGABRT and "bad_alloc" in self.stderr:
            return Reply(outcome=Outcome.MEMORY, limit=self._memory_limit(""))
        how = f"signal {signal.Signals(number).name}" if number else f"exit code {end['exit']}"
        return Reply(outcome=Outcome.DIED, error=StudentError(type="ProcessEnded", message=how))

    def _await_end(self) -> dict[str, Any]:
        """The kernel's report of the end; kills a child that closed its pipe but lives on."""
        if self.end is None:
            self._notice.settimeout(1.0)
            for _ in range(int(_END_SECONDS)):
                try:
                    self.end = json.loads(self._notice.recv(4096))
                    break
                except TimeoutError:
                    if self._killed_for is None:
                        self._broken("the child closed its reply pipe and lived on")
                except (OSError, ValueError) as error:
                    raise ServerFault("the fork server died") from error
            else:
                raise ServerFault("the fork server does not report the end of a child")
        return self.end

    @staticmethod
    def _hit(limit: str, allowed: float, used: float, unit: str) -> LimitHit:
        return LimitHit(limit=limit, allowed=allowed, used=round(used, 1), unit=unit)

    def _memory_limit(self, message: str) -> LimitHit:
        """The use is the peak of what was really taken, and what was asked for when that was refused, where it says.

        A refused request of unknown size leaves a peak that explains nothing: then the use stays open.
        """
        peak = status.read(self.pid or 0).get("VmHWM") or (self.end or {}).get("max_rss_kb", 0)
        asked = _ALLOCATION.search(message)
        used = (peak - self._resident_kb) / 1024 + (min(int(asked[1][:18]), 1 << 60) / (1 << 20) if asked else 0)
        known = asked is not None or used > self.limits.memory_mb / 2
        return LimitHit(limit="memory", allowed=self.limits.memory_mb, used=round(used) if known else None, unit="MB")

    def _thread_limit(self) -> LimitHit:
        used = status.read(self.pid or 0).get("Threads")
        return LimitHit(limit="threads", allowed=self.limits.threads, used=used, unit="threads")

    def close(self) -> None:
        """Kill the child without waiting, and let go of everything."""
        if self._far_ends:
            self.close_far_ends()
        self._kill()
        for fd in (self._out, self._err, self._requests, self._replies):
            os.close(fd)
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        self._notice.close()

    # -- what it printed ----------------------------------------------------------------------------------------

    @property
    def stdout(self) -> str:
        """What the student's code printed so far, capped, control characters escaped."""
        return _printable(self._buffers[self._out].decode("utf-8", "backslashreplace"))

    @property
    def stderr(self) -> str:
        """The same for the error stream."""
        return _printable(self._buffers[self._err].decode("utf-8", "backslashreplace"))


class _Ended(Exception):
    """The reply pipe ended, or the child was killed."""


def _pipe(opened: contextlib.ExitStack) -> tuple[int, int]:
    read, write = os.pipe2(os.O_CLOEXEC)
    opened.callback(os.close, read)
    opened.callback(os.close, write)
    return read, write


def _shown(value: Any) -> Any:
    """JSON data with every text fit for a terminal and a page."""
    if isinstance(value, str):
        return _printable(value)
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, dict):
        return {_printable(name): _shown(item) for name, item in value.items()}
    return value


def _printable(text: str) -> str:
    """Control characters, which could rewrite a terminal or turn a line around, as their escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def _oom_kills() -> int:
    """How many processes this machine's kernel has ended for want of memory."""
    try:
        with open("/proc/vmstat", encoding="ascii") as table:
            return next((int(line.split()[1]) for line in table if line.startswith("oom_kill ")), 0)
    except OSError:
        return 0
