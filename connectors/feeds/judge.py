"""Decide of which books an image must be asked for, by the very operators that will read the frames later.

A feed that kept books of its own would judge by other rules than the lane does. So each frame passes the lane's first
steps here too, `normalise` and `order_book`, and what these say of a book (a number is missing, a claim or a checksum
does not hold, a size is below zero) is what is acted upon. An image is asked for at once, then again after pauses that
double; a book that breaks again soon after its image goes on with the pauses where they were. Where images do not come,
do not fit, or all messages seem older than what was applied, only a new connection helps: it is asked for once, until
the book has had an image again, so that one market that does not exist does not cost the others their connection.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from connectors.capture import Received
from connectors.feeds.venue import Limits
from contracts.ids import CLOCK_SOURCE
from contracts.market import BOOK_LOST, BookEvent
from operators.normalise import CLOCK, CONNECTION, Frame, Normaliser
from operators.order_book import OrderBooks

SECOND_NS = 1_000_000_000
_IMAGES = frozenset({"IMAGE", "EMPTY"})
_NOT_YET = "NO_IMAGE"
_EXPECTED = "RECONNECTED"  # the new subscription brings its images by itself
_OLDER = "REGRESSED"
TRIES_MAX, OLDER_MAX = 5, 10


@dataclass(slots=True)
class _Want:
    """An image that is missing: since when, how often it was asked for, when last, when next."""

    since_ns: int
    tries: int
    asked_ns: int
    next_ns: int


class Judge:
    """The books of one feed, as the lane will see them; `lost` counts what broke them, `healed_ns` the slowest cure."""

    def __init__(self, dialect: str, limits: Limits, *, fetches: bool) -> None:
        """Take the dialect of the frames, the pauses, and whether images come by request only."""
        self.lost: Counter[str] = Counter()
        self.images = self.asked = self.healed_ns = 0
        self._dialect, self._limits, self._fetches = dialect, limits, fetches
        self._normalise, self._books = Normaliser(), OrderBooks()
        self._wants: dict[str, _Want] = {}
        self._healed: dict[str, tuple[int, int]] = {}
        self._older: Counter[str] = Counter()
        self._given_up: set[str] = set()
        self._position, self._second = 0, 0

    @property
    def gaps(self) -> int:
        """Sequence breaks, each counted once."""
        return self._books.gaps

    @property
    def dead(self) -> int:
        """Frames that could not be read."""
        counts = self._normalise.counts
        return counts.frames - counts.facts_frames - counts.control

    @property
    def waiting(self) -> list[str]:
        """The books whose image is missing."""
        return sorted(self._wants)

    def expect(self, markets: Iterable[str], now_ns: int) -> None:
        """Note that a subscription has begun: an image of each book should come by itself."""
        due_ns = now_ns + _ns(self._limits.first_s)
        for market in markets:
            self._wants[market] = _Want(now_ns, 0, now_ns, due_ns)

    def take(self, batch: Iterable[Received]) -> None:
        """Read what was received."""
        frames: list[Frame] = []
        for received in batch:
            self._position += 1
            frames += self._ticks(received.at_ns)
            kind, data = self._dialect, received.frame
            if received.event:
                kind = CONNECTION
                data = msgspec.json.encode({"event": received.event, "conn": received.conn})
            frames.append(Frame(0, self._position, received.at_ns, kind, data, received.conn))
        self._step(frames)

    def tick(self, now_ns: int) -> None:
        """Let time pass although nothing came."""
        self._step(self._ticks(now_ns))

    def due(self, now_ns: int) -> list[str]:
        """Return the books whose image is to be asked for now, and note that it was."""
        found = []
        for market, want in self._wants.items():
            if want.next_ns <= now_ns:
                want.tries, want.asked_ns = want.tries + 1, now_ns
                want.next_ns = now_ns + self._pause(want.tries)
                found.append(market)
        self.asked += len(found)
        return found

    def hopeless(self) -> list[str]:
        """Return the books that only a new connection can mend, each once until its next image."""
        found = [market for market, want in self._wants.items() if want.tries >= TRIES_MAX]
        found += [market for market, count in self._older.items() if count >= OLDER_MAX]
        found = [market for market in dict.fromkeys(found) if market not in self._given_up]
        self._given_up.update(found)
        for market in found:
            del self._older[market]
        return found

    def _ticks(self, now_ns: int) -> list[Frame]:
        second = now_ns // SECOND_NS
        if second <= self._second:
            return []
        self._second = second
        return [Frame(CLOCK_SOURCE, second, second * SECOND_NS, CLOCK, b"")]

    def _step(self, frames: list[Frame]) -> None:
        if not frames:
            return
        ids = self._normalise.markets.ids
        for fact in self._books.step(self._normalise.step(frames).facts):
            if type(fact) is BookEvent and 0 <= fact.market < len(ids):
                self._event(ids[fact.market], fact.event, fact.at_ns)

    def _event(self, market: str, event: str, now_ns: int) -> None:
        if event == _OLDER:
            self._older[market] += 1
        elif event in _IMAGES:
            self.images += 1
            self._older.pop(market, None)
            self._given_up.discard(market)
            want = self._wants.pop(market, None)
            if want is not None:
                self._healed[market] = (now_ns, want.tries)
                self.healed_ns = max(self.healed_ns, now_ns - want.since_ns)
        elif event in BOOK_LOST and event != _EXPECTED:
            if event != _NOT_YET:
                self.lost[event] += 1
            if event != _NOT_YET or self._fetches:
                self._ask(market, now_ns)

    def _ask(self, market: str, now_ns: int) -> None:
        want = self._wants.get(market)
        if want is None:
            healed_ns, tries = self._healed.get(market, (0, 0))
            tries = tries if now_ns - healed_ns < _ns(self._limits.steady_s) else 0
            want = self._wants[market] = _Want(now_ns, tries, healed_ns, now_ns)
        want.next_ns = max(now_ns, want.asked_ns + self._pause(want.tries))

    def _pause(self, tries: int) -> int:
        if not tries:
            return 0
        return _ns(min(self._limits.image_max_s, self._limits.image_s * 2.0 ** min(tries - 1, 30)))


def _ns(seconds: float) -> int:
    return int(seconds * SECOND_NS)
