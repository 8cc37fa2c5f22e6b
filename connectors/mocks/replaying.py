"""Play a recording back: its frames byte for byte on the public sockets, or its book under a market's orders.

The first way shows a client exactly what a venue once said. The second folds pictures and changes into the street's
book of one of our markets, so that orders match against it; the sockets then tell of it in the mock's own words.
"""

import gzip
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from connectors.mocks.core import ZERO, Denied
from connectors.mocks.venue import Depth, MockVenue
from connectors.mocks.wire import Body, number

FRAMES_MAX = 1_000_000


class Recorded(NamedTuple):
    """A recorded frame: when it came (ns), and its text."""

    at_ns: int
    text: str


def frames_of(path: Path, limit: int) -> Iterator[Recorded]:
    """Read up to `limit` frames of a recording in our format. Raises Denied 400 where it is none."""
    try:
        raw = path.read_bytes()
        lines = (gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines()
        count = 0
        for line in lines:
            entry = json.loads(line)
            if count == limit:
                return
            if "frame" in entry:
                count += 1
                yield Recorded(int(entry["at_ns"]), str(entry["frame"]))
    except (OSError, ValueError) as err:
        raise Denied(400, "capture", f"{path}: {err}") from err


def replayed(venue: MockVenue, wish: Body) -> Body:
    """Play the frames of `capture`, `speed` times as fast as they came (0: at once), on sockets or in `market`'s book.

    `from` names the recorded market to take; the first one seen unless given.
    """
    path, speed = Path(str(wish["capture"])), float(number(wish.get("speed", 0), "speed"))
    limit = int(number(wish.get("frames", FRAMES_MAX), "frames"))
    folded = None
    if "market" in wish:
        folded = Folded(venue, *venue.locate(wish), source=str(wish.get("from", "")))
    play = partial(_said, venue) if folded is None else folded.take
    first = sent = 0
    wait = 0.0
    for frame in frames_of(path, limit):
        first = first or frame.at_ns
        if speed:
            wait = (frame.at_ns - first) / 1e9 / speed
            venue.later(wait, partial(play, frame.text))
        else:
            play(frame.text)
        sent += 1
    return {"frames": sent, "seconds": wait, "images": folded.images if folded is not None else 0}


def _said(venue: MockVenue, text: str) -> None:
    for line in venue.lines:
        if venue.is_public(line):
            line.send(text)


class Folded:
    """The recorded book as far as it was played: side → price → size. `images` counts what was put into our market."""

    def __init__(self, venue: MockVenue, symbol: str, flip: bool, *, source: str) -> None:
        """Take our market, and the recorded one (empty: the first that has a picture)."""
        self.venue, self.symbol, self.flip, self.source = venue, symbol, flip, source
        self.images = 0
        self._sides: Depth = {}

    def take(self, text: str) -> None:
        """Fold one frame in; what is no book of our market changes nothing."""
        try:
            said = json.loads(text)
        except ValueError:
            return
        changed = False
        for message in said if isinstance(said, list) else [said]:
            for read in self.venue.recorded(message) if isinstance(message, dict) else ():
                if read.market != self.source and read.market and self.source:
                    continue
                if not read.whole and not self._sides:
                    continue
                self.source = self.source or read.market
                changed = True
                if read.whole:
                    self._sides = {side: dict(rows) for side, rows in read.sides.items()}
                else:
                    self._change(read.sides, added=read.added)
        if changed:
            self._put()

    def _change(self, sides: Depth, *, added: bool) -> None:
        for side, rows in sides.items():
            mine = self._sides.setdefault(side, {})
            for price, size in rows.items():
                mine[price] = mine.get(price, ZERO) + size if added else size

    def _put(self) -> None:
        self.images += 1
        image = {side: [(p, s) for p, s in rows.items() if s > 0] for side, rows in self._sides.items()}
        if self.flip:
            image = {-side: [(1 - p, s) for p, s in rows] for side, rows in image.items()}
        self.venue.exchange.set_book(self.symbol, image)
