"""Hold a user channel open, and read it without ever making the submitter wait for a venue that is away.

A channel is opened beside the loop. One that cannot be had, or ended, is opened again after a pause that doubles up to
half a minute; what it misses meanwhile is what polling is for. Reading never raises: a channel that is down has nothing
to say.
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from websockets.exceptions import WebSocketException

from connectors.errors import EdgeError

PAUSE_S, PAUSE_MAX_S = 0.5, 30.0
FRAMES_MAX = 1_024
LEAST_S = 0.001  # a wait of nothing would not look at what has come


class Stream(Protocol):
    """An open channel: a websocket, or one that the signer holds."""

    def recv(self, timeout: float | None = None) -> str | bytes:
        """Return the next frame; raises TimeoutError when none came in time."""

    def close(self) -> None:
        """End it."""


class Due:
    """When to poll: after each opening of the channel at once, then seldom; more often while it is down."""

    def __init__(self, every_s: float, alone_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take how often while the channel stands, and without it."""
        self._every_s, self._alone_s, self._clock = every_s, alone_s, clock
        self._last, self._opened, self._asked = -every_s, 0, 0

    def now(self, channel: "Listening") -> bool:
        """True when it is time."""
        wait, self._asked = self._every_s if channel.up else self._alone_s, channel.opened
        return self._asked != self._opened or self._clock() - self._last >= wait

    def done(self) -> None:
        """Note that everything that was due was read; an opening since then is due again."""
        self._last, self._opened = self._clock(), self._asked


class Listening:
    """A user channel that comes back; `opened` counts how often, since what was said in between is not told again."""

    def __init__(self, open_: Callable[[], Stream], *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take what opens the channel, subscribed."""
        self._open, self._clock = open_, clock
        self._stream: Stream | None = None
        self._opening: threading.Thread | None = None
        self._turn = threading.Lock()
        self._again, self._pause_s, self._over = 0.0, PAUSE_S, False
        self.opened = 0

    @property
    def up(self) -> bool:
        """True while the channel stands."""
        return self._stream is not None

    def frames(self, timeout_s: float) -> list[str | bytes]:
        """Return what was said, waiting at most `timeout_s` for the first frame, and not at all for more."""
        deadline, found = self._clock() + timeout_s, list[str | bytes]()
        self._ready(timeout_s)
        while len(found) < FRAMES_MAX and (stream := self._stream) is not None:
            left = LEAST_S if found else max(LEAST_S, deadline - self._clock())
            try:
                found.append(stream.recv(timeout=left))
            except TimeoutError:
                break
            except (OSError, EdgeError, WebSocketException):
                self._lost()
        return found

    def close(self) -> None:
        """End the channel for good, one that is being opened too."""
        with self._turn:
            self._over = True
        self._end()

    def _ready(self, timeout_s: float) -> None:
        """Begin to open the channel where it is time, and wait for it no longer than the caller would."""
        if self._stream is None and self._opening is None and self._clock() >= self._again and not self._over:
            self._opening = threading.Thread(target=self._try, daemon=True)
            self._opening.start()
        if self._stream is None and self._opening is not None:
            self._opening.join(timeout_s)

    def _try(self) -> None:
        try:
            stream = self._open()
        except (OSError, EdgeError, WebSocketException):
            self._lost()
        else:
            with self._turn:
                if not self._over:
                    self._stream, self._pause_s = stream, PAUSE_S
                    self.opened += 1
            if self._over:
                stream.close()
        self._opening = None

    def _lost(self) -> None:
        self._end()
        self._again, self._pause_s = self._clock() + self._pause_s, min(2 * self._pause_s, PAUSE_MAX_S)

    def _end(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
