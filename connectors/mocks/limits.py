"""Count requests as venues do, and say when one is too many.

Two kinds are in use: a bucket that refills steadily (tokens per second), and a window that slides (requests, or their
weight, in the last seconds). Time is given in seconds of a steady clock.
"""

import time
from collections import deque


class Bucket:
    """Tokens that refill steadily: `rate` a second, at most `room` of them."""

    def __init__(self, rate: float, room: float) -> None:
        """Begin full."""
        self.rate, self.room = rate, room
        self._left, self._at = room, time.monotonic()

    def take(self, cost: float) -> bool:
        """Pay for a request; False, and nothing is paid, where too little is left."""
        now = time.monotonic()
        self._left = min(self.room, self._left + (now - self._at) * self.rate)
        self._at = now
        if self._left < cost:
            return False
        self._left -= cost
        return True

    def left(self) -> float:
        """Tokens as of the last payment."""
        return self._left


class Window:
    """At most `most` in any `seconds`; `used` counts what is inside now."""

    def __init__(self, most: float, seconds: float) -> None:
        """Begin empty."""
        self.most, self.seconds = most, seconds
        self.used = 0.0
        self._paid: deque[tuple[float, float]] = deque()

    def take(self, cost: float = 1.0) -> bool:
        """Count a request; False, and it is not counted, where it would be one too many."""
        now = time.monotonic()
        while self._paid and self._paid[0][0] <= now - self.seconds:
            self.used -= self._paid.popleft()[1]
        if self.used + cost > self.most:
            return False
        self._paid.append((now, cost))
        self.used += cost
        return True

    def wait(self) -> float:
        """Seconds until the oldest request leaves the window."""
        return max(0.0, self._paid[0][0] + self.seconds - time.monotonic()) if self._paid else 0.0
