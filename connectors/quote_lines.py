"""Follow the newest quote of each market in a file that a feed of this machine appends to.

A line is {"market_id", "bid_ticks", "ask_ticks", "bid_lots", "ask_lots", "at_ns"}, with the time at which the feed had
it. Only whole lines count, and a line that is anything else is left out and counted: without a quote nothing leaves. A
file that shrank is begun again.
"""

from pathlib import Path

import msgspec
from msgspec import Struct

from operators.last_gate import Quote

CHUNK = 1 << 20


class _Line(Struct):
    market_id: str
    bid_ticks: int
    ask_ticks: int
    bid_lots: int
    ask_lots: int
    at_ns: int


class QuoteLines:
    """The newest quotes of a file. `unread` counts lines that are no quotes."""

    def __init__(self, path: Path) -> None:
        """Take the file; it may come later."""
        self._path, self._at, self._part, self.unread = path, 0, b"", 0
        self._newest: dict[str, Quote] = {}

    def newest(self, market_id: str) -> Quote | None:
        """Return a market's newest quote; None for none."""
        self._read()
        return self._newest.get(market_id)

    def _read(self) -> None:
        try:
            size = self._path.stat().st_size
            if size < self._at:
                self._at, self._part = 0, b""
            if size == self._at:
                return
            with self._path.open("rb") as stream:
                stream.seek(self._at)
                while data := stream.read(CHUNK):
                    self._at += len(data)
                    *lines, self._part = (self._part + data).split(b"\n")
                    for line in lines:
                        self._take(line)
        except OSError:  # a file that is away gives nothing new, and what was read grows old
            return

    def _take(self, line: bytes) -> None:
        try:
            said = msgspec.json.decode(line, type=_Line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.unread += 1
            return
        self._newest[said.market_id] = Quote(said.bid_ticks, said.ask_ticks, said.bid_lots, said.ask_lots, said.at_ns)
