"""Tell apart why a book may not be true: who else spoke, who contradicts it, how late its messages come.

Silence has no cause in itself. What surrounds it has: other markets of the connection, beats, numbers that run over
all markets of a subscription, the venue's own ticker, trades, and the distance between the venue's clock and ours. Each
class here keeps one of these witnesses, in whole nanoseconds, and answers when asked; `freshness` asks once a second.
"""

from collections.abc import Iterable

from contracts.ids import SOURCE_SHIFT
from contracts.market import BookEvent, Fact, VenueBookImage, VenueConnection
from operators.freshness_budgets import Budgets

SECOND_NS, MS_NS = 1_000_000_000, 1_000_000
NONE, BEAT = 0, -1

ALIVE, DEAD, FROZEN = "ALIVE", "DEAD", "FROZEN"
"""How a connection is: somebody spoke or a beat came lately; nobody did; or it stopped although it was lively."""

_WINDOW = 60
_MASK = (1 << _WINDOW) - 1
_LIVELY = 10
_GAPS = 6
_WARM = 10
_DRIFT_NS = MS_NS
_SPOKEN = frozenset({"connected", "subscribed", "answered", "beat"})


class Wire:
    """What was heard on one connection.

    newest_ns  arrival of the newest message or beat
    speaker    the market that it was of; -1 a beat
    spoke_ns   arrival of the newest message of any market
    beat_ns    arrival of the newest beat
    state      ALIVE, DEAD or FROZEN when it was last judged
    """

    __slots__ = ("_begun_ns", "_pulse", "_pulse_ns", "beat_ns", "newest_ns", "speaker", "spoke_ns", "state")

    def __init__(self) -> None:
        """Begin unheard."""
        self.newest_ns = self.spoke_ns = self.beat_ns = self._begun_ns = self._pulse = self._pulse_ns = NONE
        self.speaker, self.state = BEAT, DEAD

    def hear(self, market: int, at_ns: int) -> None:
        """Take in a message of a market, or a beat (-1)."""
        if at_ns >= self.newest_ns:
            self.newest_ns, self.speaker = at_ns, market
        if market == BEAT:
            self.beat_ns = max(self.beat_ns, at_ns)
        elif at_ns > self.spoke_ns:
            self.spoke_ns = at_ns

    def judge(self, now: int, budgets: Budgets) -> bool:
        """Judge how the connection is, at a second's end; True when that has changed.

        FROZEN when no market spoke for `frozen_ms` and for six times the usual time between seconds with messages,
        provided that at least ten seconds of the minute before had any; or when none spoke for `beats_ms` while beats
        still came. A connection that never was lively and has no beats is DEAD after `alive_ms`: nothing can be said.
        """
        silent = now - self.spoke_ns
        if self.spoke_ns > self._pulse_ns:
            seconds = max(0, (now - self._pulse_ns) // SECOND_NS)  # a tick may repeat an earlier second
            if not self._pulse:
                self._begun_ns = now - SECOND_NS
            self._pulse, self._pulse_ns = (self._pulse << min(seconds, _WINDOW) | 1) & _MASK, now
        alive = now - self.newest_ns <= budgets.alive_ms * MS_NS
        beating = alive and self.beat_ns > self.spoke_ns and silent > budgets.beats_ms * MS_NS
        before, self.state = self.state, ALIVE if self.newest_ns and alive else DEAD
        if self.spoke_ns and (beating or self._stopped(silent, budgets)):
            self.state = FROZEN
        return self.state != before

    def _stopped(self, silent: int, budgets: Budgets) -> bool:
        lively = self._pulse.bit_count()
        if lively < _LIVELY or silent <= budgets.frozen_ms * MS_NS:
            return False
        seen_ns = min(self._pulse_ns - self._begun_ns, _WINDOW * SECOND_NS)
        return silent * lively > _GAPS * seen_ns


class Run:
    """A subscription whose messages are numbered over all of its markets, so that any of them proves all the others.

    wire      the connection that carries it
    numbered  its books have numbers, of whatever kind, so that a lost change is noticed
    proved_ns arrival of the newest number that runs over all markets; 0 none
    since_ns  since when such numbers have come without a silence
    settled   they have for long enough to prove a book that was doubted
    """

    __slots__ = ("numbered", "proved_ns", "settled", "since_ns", "wire")

    def __init__(self, wire: Wire) -> None:
        """Begin unnumbered."""
        self.wire = wire
        self.numbered = self.settled = False
        self.proved_ns = self.since_ns = NONE

    def prove(self, at_ns: int, budgets: Budgets) -> None:
        """Take in the newest number of a second."""
        if not self.proved_ns or at_ns - self.proved_ns > budgets.silence_ms * MS_NS:
            self.since_ns = at_ns
        self.proved_ns = max(self.proved_ns, at_ns)

    def judge(self, now: int, budgets: Budgets) -> bool:
        """True when the numbers have just become good enough to prove what was doubted."""
        fresh = self.proved_ns > 0 and now - self.proved_ns <= budgets.silence_ms * MS_NS
        before, self.settled = self.settled, fresh and now - self.since_ns >= budgets.settle_ms * MS_NS
        return self.settled and not before


class Carriers:
    """Which subscription on which connection carries each market, and how they are.

    run_of  the subscription of a market; one that nobody attached is carried by its source
    source  the source of a market's messages
    """

    __slots__ = ("_runs", "_wires", "run_of", "source")

    def __init__(self) -> None:
        """Begin without connections."""
        self.run_of: dict[int, Run] = {}
        self.source: dict[int, int] = {}
        self._runs: dict[tuple[int, str], Run] = {}
        self._wires: dict[tuple[int, str], Wire] = {}

    def of(self, entry: Fact) -> Run:
        """Return what carries the market of an entry."""
        run = self.run_of.get(entry.market)
        if run is None:
            source = self.source[entry.market] = entry.fact >> SOURCE_SHIFT
            run = self.run_of[entry.market] = self._run(source, "")
        return run

    def take(self, said: VenueConnection, budgets: Budgets) -> None:
        """Follow which connection carries a market, and who answers on it."""
        source = said.fact >> SOURCE_SHIFT
        if said.event == "attached":
            self.run_of[said.market], self.source[said.market] = self._run(source, said.connection_id), source
        elif said.event in _SPOKEN:
            run = self._run(source, said.connection_id)
            run.wire.hear(BEAT, said.at_ns)
            if said.venue_seq >= 0:
                run.prove(said.at_ns, budgets)

    def _run(self, source: int, name: str) -> Run:
        """Return a subscription by its name, `connection/subscription`, or `connection` where it has no parts."""
        run = self._runs.get((source, name))
        if run is None:
            root = (source, name.partition("/")[0])
            run = self._runs[source, name] = Run(self._wires.setdefault(root, Wire()))
        return run

    def judge(self, now: int, budgets: Budgets) -> set[Run]:
        """Judge all of them at a second's end; return the subscriptions of which other things are true now."""
        changed = {wire for wire in self._wires.values() if wire.judge(now, budgets)}
        return {run for run in self._runs.values() if run.judge(now, budgets) or run.wire in changed}

    def forget(self, market: int) -> None:
        """Forget a market."""
        self.run_of.pop(market, None)
        self.source.pop(market, None)

    def retire(self, ended_ns: int) -> None:
        """Forget the subscriptions and connections that carry no market and have said nothing since."""
        carried = set(self.run_of.values())
        self._runs = {key: run for key, run in self._runs.items() if run in carried or run.wire.newest_ns >= ended_ns}
        roots = {(source, name.partition("/")[0]) for source, name in self._runs}
        self._wires = {key: wire for key, wire in self._wires.items() if key in roots}


class Delivery:
    """Which sources are delivered late, as their feeds said, and of which books that was said.

    The order of a lane waits for its slowest source, so while one is late every book of the lane is.
    """

    __slots__ = ("_books", "_late", "_told")

    def __init__(self, books: Iterable[int] = ()) -> None:
        """Begin on time, with the markets whose books have begun before."""
        self._late: set[int] = set()
        self._books = set(books)
        self._told: dict[int, int] = {}  # market -> since when

    def take(self, said: VenueConnection) -> list[Fact]:
        """Follow what a feed says of its delivery."""
        source = said.fact >> SOURCE_SHIFT
        if said.event == "late":
            self._late.add(source)
        elif said.event == "on_time":
            self._late.discard(source)
        else:
            return []
        return [each for market in sorted(self._books) for each in self._judge(said, market)]

    def image(self, image: VenueBookImage) -> list[Fact]:
        """Take in a book: one that begins while a source is late is late too."""
        self._books.add(image.market)
        return self._judge(image, image.market)

    def _judge(self, entry: Fact, market: int) -> list[Fact]:
        """Say LATE or ON_TIME of a book of which the other is known; `seen` is for how long it was late, in ms."""
        since = self._told.get(market)
        if bool(self._late) == (since is not None):
            return []
        if since is None:
            self._told[market] = entry.at_ns
            return [BookEvent(entry.fact, entry.at_ns, market, "LATE", 0, 0)]
        del self._told[market]
        return [BookEvent(entry.fact, entry.at_ns, market, "ON_TIME", 0, (entry.at_ns - since) // MS_NS)]

    def forget(self, market: int) -> None:
        """Forget a market."""
        self._books.discard(market)
        self._told.pop(market, None)


class Doubt:
    """What contradicts the best prices of a book, side by side.

    bid_ns  since when the best bid is contradicted; 0 is not
    ask_ns  since when the best ask is
    bid     our best bid at that time, and its size where a trade went past it; -1 the size does not matter
    ask     the same of the ask
    said    STUCK or GHOST, when it was said
    """

    __slots__ = ("ask", "ask_ns", "bid", "bid_ns", "said")

    def __init__(self) -> None:
        """Begin without contradiction."""
        self.bid_ns = self.ask_ns = NONE
        self.bid = self.ask = (-1, -1)
        self.said = ""

    @property
    def since_ns(self) -> int:
        """Since when any side is contradicted; 0 when none is."""
        return min(self.bid_ns, self.ask_ns) or self.bid_ns or self.ask_ns

    def contradict(self, side: int, at_ns: int, price: int, lots: int) -> None:
        """Note that a side is contradicted; one that already is stays so since then."""
        if side > 0 and not self.bid_ns:
            self.bid_ns, self.bid = at_ns, (price, lots)
        elif side < 0 and not self.ask_ns:
            self.ask_ns, self.ask = at_ns, (price, lots)

    def agree(self, side: int) -> None:
        """Forget the contradiction of a side."""
        if side > 0:
            self.bid_ns = NONE
        else:
            self.ask_ns = NONE

    def moved(self, bid: tuple[int, int], ask: tuple[int, int]) -> bool:
        """Forget the sides whose best (price, size) is another now; True when nothing contradicts any more."""
        if self.bid_ns and _differs(self.bid, bid):
            self.bid_ns = NONE
        if self.ask_ns and _differs(self.ask, ask):
            self.ask_ns = NONE
        return not (self.bid_ns or self.ask_ns)


def _differs(before: tuple[int, int], now: tuple[int, int]) -> bool:
    return before[0] != now[0] or 0 <= before[1] != now[1]


class Offset:
    """How late a source's messages arrive by the venue's clock: what is usual, and whether it is so now.

    base_ns  the usual delay: arrival minus the venue's time. It may be anything, also negative, and may drift by 1 ms a
             second; it is the least of the first ten seconds with messages, and follows the middle of those after
    off_ns   how far the newest second was from it
    said     SKEW was said and not taken back
    """

    __slots__ = ("_seconds", "_since_ns", "_stand_ns", "_stood_ns", "_taken_ns", "base_ns", "off_ns", "said")

    def __init__(self) -> None:
        """Begin without a usual delay."""
        self.base_ns = self.off_ns = 0
        self._seconds = self._since_ns = self._stand_ns = self._stood_ns = self._taken_ns = 0
        self.said = False

    def take(self, now: int, delay_ns: int, budgets: Budgets) -> bool:
        """Take in the least delay of a second; True when `said` has changed.

        A delay that stays within half the limit of one value for `skew_settle_ms` is the new usual one: a clock was
        set. A queue grows and drains, so its delay does not stand.
        """
        before, limit = self.said, budgets.skew_ms * MS_NS
        if self._seconds < _WARM:
            self.base_ns = min(self.base_ns, delay_ns) if self._seconds else delay_ns
            self._seconds, self._taken_ns = self._seconds + 1, now
            return False
        off = self.off_ns = delay_ns - self.base_ns
        if -limit <= off <= limit:
            step = _DRIFT_NS * min((now - self._taken_ns) // SECOND_NS, _WINDOW)
            self.base_ns += max(-step, min(step, off))
            self._since_ns, self.said = NONE, False
        elif not self._since_ns:
            self._since_ns, self._stand_ns, self._stood_ns = now, delay_ns, now
        elif abs(delay_ns - self._stand_ns) * 2 > limit:
            self._stand_ns, self._stood_ns = delay_ns, now
        elif now - self._stood_ns >= budgets.skew_settle_ms * MS_NS:
            self.base_ns, self._since_ns, self.said = self._stand_ns, NONE, False
        if self._since_ns and now - self._since_ns >= budgets.skew_grace_ms * MS_NS:
            self.said = True
        self._taken_ns = now
        return self.said is not before
