"""Hear a request to stop, from a person (SIGINT) or a supervisor (SIGTERM), and let the work end at a good place.

While somebody looks at `asked`, the first signal only sets it, and the second ends at once; at all other times the
first one does. A signal that was ignored when the process began stays ignored, as a shell's `&` means it.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """The process was asked to stop; `code` is what a shell expects of it: 130 or 143."""

    def __init__(self, number: int) -> None:
        """Take the signal's number."""
        super().__init__(f"signal {number}")
        self.code = 128 + number


class Stop:
    """Listens while it is entered, in the main thread; elsewhere, and for ignored signals, it changes nothing."""

    def __init__(self) -> None:
        """Listen to nothing yet."""
        self._number = 0
        self._gentle = False
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> "Stop":
        """Begin to listen."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the signals to whoever had them."""
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()

    def __call__(self) -> bool:
        """True once a stop was asked for."""
        return self._number != 0

    @contextmanager
    def gently(self) -> Iterator[None]:
        """Let the first signal only be noted: the work inside looks at it, and ends where it can be taken up again.

        Raises Stopped for one that was heard before: where Python runs a finaliser or a library's callback, what a
        signal raises is swallowed, and a stop would else be lost.
        """
        if self._number:
            raise self.reason()
        self._gentle = True
        try:
            yield
        finally:
            self._gentle = False

    def reason(self) -> Stopped:
        """Return what to raise once the work has ended where it can be taken up again."""
        return Stopped(self._number or signal.SIGINT)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        again, self._number = self._number, number
        if not self._gentle or again:
            raise Stopped(number)
