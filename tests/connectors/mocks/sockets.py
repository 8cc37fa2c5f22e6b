"""Listen to a mock's websocket inside a plain test: connect, say, and wait for messages that fit."""

import json
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

WAIT_S = 3.0


class Ear:
    """A client's socket; `heard` is everything so far, JSON read, lists taken apart."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        """Connect."""
        self._socket = connect(url, additional_headers=headers, max_size=None, proxy=None)
        self.heard: list[Any] = []

    def __enter__(self) -> "Ear":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def say(self, message: object) -> None:
        """Send JSON, or text as it is."""
        self._socket.send(message if isinstance(message, str) else json.dumps(message))

    def until(self, fits: Callable[[Any], bool], seconds: float = WAIT_S) -> Any:
        """Return the first message from now on that fits. Raises TimeoutError where none comes."""
        end = time.monotonic() + seconds
        while True:
            for message in self._next(end - time.monotonic()):
                if fits(message):
                    return message

    def for_a_while(self, seconds: float) -> list[Any]:
        """Return what comes in some time."""
        end, found = time.monotonic() + seconds, []
        try:
            while True:
                found += self._next(end - time.monotonic())
        except TimeoutError:
            return found

    def closed(self, seconds: float = WAIT_S) -> bool:
        """True where the connection ends within some time."""
        try:
            self.for_a_while(seconds)
        except ConnectionClosed:
            return True
        return False

    def _next(self, seconds: float) -> list[Any]:
        text = self._socket.recv(max(0.0, seconds))
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        messages = value if isinstance(value, list) else [value]
        self.heard += messages
        return messages
