"""Run several programs as processes of their own: start again what dies, stop all together, leave none behind.

One thread looks after all of them, so nothing is shared and nothing waits on a lock. A program that dies is started
again after a pause that doubles; one that dies too often within a minute is given up, and with it the whole: somebody
must look. What a program says on standard error goes into a log of bounded size, what it answers (one JSON document on
standard output) is kept. When the supervisor itself is killed, the kernel ends its programs (`processes.tied`).
"""

import fcntl
import json
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple

from connectors.errors import SupervisorError
from connectors.processes import tied

LOCK = "up.lock"
DIFFERS = 1
CHUNK, LEFT_MAX, ANSWER_MAX, TAIL_MAX, LINE_MAX = 65_536, 32, 8 << 20, 4_096, 400
LOOK_S = 0.1


class Task(NamedTuple):
    """One program to run.

    name   which, as in market
    words  the command line
    log    where its standard error goes
    """

    name: str
    words: tuple[str, ...]
    log: Path


class Limits(NamedTuple):
    """How patient the supervisor is.

    deaths     so many within `window_s`, and a program is given up
    window_s   seconds
    pause_s    before the first new start; doubles with each death in the window, up to `pause_max_s`
    stop_s     from SIGTERM to SIGKILL
    log_bytes  of one log file; one older file is kept beside it
    """

    deaths: int = 5
    window_s: float = 60.0
    pause_s: float = 0.5
    pause_max_s: float = 10.0
    stop_s: float = 30.0
    log_bytes: int = 8 << 20


class Ended(NamedTuple):
    """How a program ended.

    code    of its process; below 0 the signal that ended it
    deaths  times that it died and was started again, or given up
    answer  the document that it wrote in the end; None where there is none
    last    the last line that it said
    """

    code: int
    deaths: int
    answer: dict[str, object] | None
    last: str


class BoundedLog:
    """A file of at most so many bytes, and one older beside it (`.1`); for its owner alone. A full disk loses lines."""

    def __init__(self, path: Path, limit: int) -> None:
        """Open it behind what is there; raises OSError."""
        self.path, self.lost = path, 0
        self._limit = limit
        self._open()

    def _open(self) -> None:
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._stream: IO[bytes] = os.fdopen(handle, "ab", buffering=0)
        self._size = self.path.stat().st_size

    def write(self, data: bytes) -> None:
        """Append; what cannot be written is counted, since a log must not end what it tells of."""
        try:
            if self._size + len(data) > self._limit and self._size:
                self._stream.close()
                self.path.replace(self.path.with_name(f"{self.path.name}.1"))
                self._open()
            self._stream.write(data)
            self._size += len(data)
        except (OSError, ValueError):
            self.lost += 1

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


class _Child:
    """A program: its process while there is one, its past, and when it is to be started next."""

    def __init__(self, task: Task, limit: int) -> None:
        self.task, self.log = task, BoundedLog(task.log, limit)
        self.process: subprocess.Popen[bytes] | None = None
        self.due, self.total = 0.0, 0
        self.deaths: deque[float] = deque()
        self.out, self.tail = bytearray(), b""
        self.answers = -1  # the handle of its standard output
        self.ended: Ended | None = None

    @property
    def last(self) -> str:
        """The last line that it said, without who said it."""
        lines = [line.strip() for line in self.tail.decode("utf-8", "replace").splitlines()]
        said = next((line for line in reversed(lines) if line), "it said nothing")
        return said.removeprefix("pt: ")[:LINE_MAX]

    def answer(self) -> dict[str, object] | None:
        """The document that it wrote, where it is one."""
        try:
            found = json.loads(bytes(self.out))
        except ValueError:
            return None
        return found if isinstance(found, dict) else None


class Supervisor:
    """Looks after programs while it is entered; when left, none of them runs."""

    def __init__(
        self,
        tasks: Sequence[Task],
        say: Callable[[str], None],
        *,
        until_end: bool = False,
        limits: Limits = Limits(),  # noqa: B008 - a value
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Take the programs; nothing is started yet.

        say        is told each event in one line
        until_end  a program that ends with 0, or with 1 and an answer, has done its work; else every end is a death
        environ    of the programs; this process's own if left out
        """
        self._tasks, self._say, self._until_end = tuple(tasks), say, until_end
        self.limits = limits
        self._environ = dict(os.environ if environ is None else environ)
        self._selector = selectors.DefaultSelector()
        self._children: dict[str, _Child] = {}
        self._kill_at = 0.0
        self.failure = ""

    def __enter__(self) -> "Supervisor":
        """Open the logs; the first `step` starts everything. Raises OSError."""
        for task in self._tasks:
            task.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._children[task.name] = _Child(task, self.limits.log_bytes)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill what still runs, and close everything."""
        for child in self._children.values():
            if child.process is not None:
                self._signal(child, signal.SIGKILL)
                child.process.wait()
                self._collect(child)
            child.log.close()
        self._selector.close()

    # ---- what it is told -------------------------------------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        """True once everything is to end."""
        return self._kill_at > 0

    @property
    def done(self) -> bool:
        """True when every program has ended."""
        return all(child.ended is not None for child in self._children.values())

    @property
    def ended(self) -> dict[str, Ended]:
        """How each program that has ended did."""
        return {name: child.ended for name, child in self._children.items() if child.ended is not None}

    @property
    def pids(self) -> dict[str, int]:
        """Which process each running program is."""
        return {name: child.process.pid for name, child in self._children.items() if child.process is not None}

    def run(self, stop: Callable[[], bool]) -> dict[str, Ended]:
        """Look after them until all have ended, or `stop` asks for it; `failure` says which one was given up."""
        while not self.done:
            self.step(LOOK_S)
            if stop():
                self.stop()
        return self.ended

    def stop(self) -> None:
        """Ask every program to end; one that does not is killed when its time is over. A second time does nothing."""
        if self.stopping:
            return
        self._kill_at = time.monotonic() + self.limits.stop_s
        for child in self._children.values():
            if child.process is not None:
                self._signal(child, signal.SIGTERM)
            elif child.ended is None:
                child.ended = Ended(-signal.SIGTERM, child.total, None, child.last)

    def step(self, wait_s: float) -> None:
        """Start what is due, hear what was said, see who has ended; at most about `wait_s` long."""
        now = time.monotonic()
        for child in self._children.values():
            if child.process is None and child.ended is None and now >= child.due:
                self._start(child)
        for key, _ in self._selector.select(wait_s):
            self._hear(key.data, key.fd)
        if not self._selector.get_map():
            time.sleep(0 if self.done else min(wait_s, LOOK_S))  # all pause before a new start
        for child in self._children.values():
            if child.process is not None and child.process.poll() is not None:
                self._collect(child)
                self._judge(child)
        if self.stopping and time.monotonic() >= self._kill_at:
            self._kill()

    # ---- one program -----------------------------------------------------------------------------------------------

    def _start(self, child: _Child) -> None:
        child.out.clear()
        child.tail = b""
        # A session of its own: a Ctrl-C is for the supervisor, which then asks each program once.
        child.process = subprocess.Popen(  # noqa: S603
            tied(child.task.words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self._environ, start_new_session=True,
        )  # fmt: skip
        assert child.process.stdout is not None
        child.answers = child.process.stdout.fileno()
        for stream in (child.process.stdout, child.process.stderr):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, child)
        self._tell(child, f"started, process {child.process.pid}")

    def _hear(self, child: _Child, handle: int) -> bool:
        """Take what waits in one pipe, at most a chunk; False at its end, or where nothing waits."""
        try:
            data = os.read(handle, CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._selector.unregister(handle)
            return False
        if handle == child.answers:
            child.out += data[: ANSWER_MAX - len(child.out)]
        else:
            child.log.write(data)
            child.tail = (child.tail + data)[-TAIL_MAX:]
        return True

    def _collect(self, child: _Child) -> None:
        """Take what a process that has ended left in its pipes, and close them; a second time does nothing."""
        assert child.process is not None
        for stream in (child.process.stdout, child.process.stderr):
            assert stream is not None
            if stream.closed:
                continue
            handle = stream.fileno()
            if handle in self._selector.get_map():
                for _ in range(LEFT_MAX):  # more than a pipe holds: what still writes there is no program of ours
                    if not self._hear(child, handle):
                        break
                with suppress(KeyError):
                    self._selector.unregister(handle)
            stream.close()

    def _judge(self, child: _Child) -> None:
        """Say how a process ended, and decide what follows."""
        assert child.process is not None
        code, answer, child.process = child.process.returncode, child.answer(), None
        worked = code == 0 or (code == DIFFERS and answer is not None)
        if self.stopping or (self._until_end and worked):
            child.ended = Ended(code, child.total, answer, child.last)
            self._tell(child, f"ended, {spelled(code)}")
            return
        now = time.monotonic()
        child.total += 1
        child.deaths.append(now)
        while child.deaths[0] <= now - self.limits.window_s:
            child.deaths.popleft()
        often = len(child.deaths)
        if often >= self.limits.deaths:
            child.ended = Ended(code, child.total, answer, child.last)
            self.failure = (
                f"{child.task.name}: died {often} times within {self.limits.window_s:g} s, the last time with "
                f"{spelled(code)}: {child.last}; its log is {child.task.log}"
            )
            self._tell(child, f"given up after {often} deaths: {child.last}")
            self.stop()
            return
        pause = min(self.limits.pause_s * 2 ** (often - 1), self.limits.pause_max_s)
        child.due = now + pause
        self._tell(child, f"died, {spelled(code)}: {child.last}; starts again in {pause:g} s")

    def _kill(self) -> None:
        for child in self._children.values():
            if child.process is not None:
                self._tell(child, f"did not end within {self.limits.stop_s:g} s; killed")
                self._signal(child, signal.SIGKILL)
        self._kill_at = float("inf")

    def _signal(self, child: _Child, number: signal.Signals) -> None:
        """Send a signal; SIGKILL to whatever the program started, too."""
        assert child.process is not None
        if child.process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(child.process.pid, number)
            else:
                child.process.send_signal(number)

    def _tell(self, child: _Child, text: str) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        child.log.write(f"{at} up: {text}\n".encode())
        self._say(f"{child.task.name}: {text}")


def spelled(code: int) -> str:
    """Spell how a process ended, as in `exit code 2` or `SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def holder_of(folder: Path) -> int:
    """Return the process that supervises a state folder now, 0 where none does."""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return 0
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(handle, 32).decode("ascii", "replace").strip()
        return int(text) if text.isdecimal() else -1
    finally:
        os.close(handle)
    return 0


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the one supervisor of a state folder; the kernel ends this with the process.

    Raises SupervisorError naming the one that is there already, and OSError for a folder that cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SupervisorError(
                f"--state {folder}: process {holder_of(folder)} runs it already; end that one, or use another folder"
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
