"""Notice what the entries of a book cannot say of themselves: silence, contradiction, lateness, each with its cause.

A feed that stands still looks like a calm market. At each second every live book of an open market is judged, and what
is found is said once, as a BookEvent, until it changes. The witnesses and their rules stand in `freshness_causes`.

Silence: the book said nothing for longer than `silence_ms`. One of

    CALM    it is proven all the same, by evidence not older than `silence_ms`: a ticker that agrees with its best
            prices, a trade between them, or a number that runs over all markets of its subscription (Kalshi), for then
            nothing of this book was lost. It may be believed
    QUIET   its connection is alive, since another market or a beat was heard after it; that proves nothing about this
            book: sockets that answer while their books stand still have been seen in practice
    FROZEN  its whole connection stopped although it was lively, or only beats have come for long
    SILENT  nobody knows: it was the last to speak on its connection, or there is no connection

and HEARD with its next message, before the touch that follows from it. Calm is the only silence that is believed, and
it ends with its proof; a doubted book is calm again when its own ticker or trade agrees, or when numbers have come
without a silence for `settle_ms`, so that a slow subscription does not change its word every second. Where there are no
numbers (Polymarket), only the ticker proves.

Contradiction: for `apart_ms` a ticker that is not older than the book says another best price than the book, and that
side's best did not move; or a trade went past a best price that still stands as it was. One of

    STUCK   the book has said nothing since: it stands still while its market moves
    GHOST   the book goes on and is wrong: it shows what should be gone, or lacks what should be there

and AGREED when the contradiction ended and numbers prove that nothing was lost; where there are none, only an image
ends it. A ticker older than the book (Kalshi's trail it by up to a second) contradicts nothing, and one that has never
agreed with this market's book is no witness at all: Bitget's old spot ticker rounded its prices.

Lateness: the delay of a source's messages, arrival minus the venue's time, is farther than `skew_ms` from what is usual
there for `skew_grace_ms`: SKEW for each of its books, and STEADY when it is usual again. A constant offset is usual.

Delivery: a feed says that it had to keep messages back (`late`): their arrival is true and looks fresh; nobody could
act on them then. LATE for each book of the lane, which waits for its slowest source, until all its feeds have said
that they are on time again (`on_time`): ON_TIME. Both words stand in the record, so a replay comes to the same.

A crossed book and a checksum are seen where they happen, by `order_book`. Polymarket's `hash` proves nothing: what it
is computed over is not documented for the socket, so there is nothing of ours to compare it with.
"""

from collections.abc import Iterable, Sequence

from contracts.ids import SOURCE_SHIFT
from contracts.market import (
    BOOK_LOST,
    BookEvent,
    ClockTick,
    Fact,
    Status,
    Touch,
    VenueBookDelta,
    VenueBookImage,
    VenueConnection,
    VenueInstrumentRecord,
    VenueStatus,
    VenueTicker,
    VenueTrade,
)
from operators.freshness_budgets import Budgets, read_budgets
from operators.freshness_causes import ALIVE, FROZEN, MS_NS, SECOND_NS, Carriers, Delivery, Doubt, Offset, Run

__all__ = ["Budgets", "Freshness", "read_budgets"]

RETIRED_NS = 600 * SECOND_NS
_MINUTE_NS = 60 * SECOND_NS


class Freshness:
    """Lane state of this step. Picklable; the same entries give the same entries, however they are cut."""

    __slots__ = (
        "_book_ns", "_carriers", "_delivery", "_doubts", "_expiry", "_late", "_latest", "_live", "_offsets", "_open",
        "_pending", "_proof_ns", "_spells", "_touch", "_watched", "_witnesses", "budgets",
    )  # fmt: skip

    def __init__(self, budgets: Budgets) -> None:
        """Take the budgets."""
        self.budgets = budgets
        self._latest: dict[int, VenueBookDelta] = {}  # of this second: all that a change costs
        self._book_ns: dict[int, int] = {}
        self._proof_ns: dict[int, int] = {}
        self._touch: dict[int, Touch] = {}
        self._expiry: dict[int, int] = {}
        self._live: set[int] = set()
        self._open: set[int] = set()
        self._watched: set[int] = set()
        self._spells: dict[int, str] = {}
        self._pending: set[int] = set()  # silences whose cause may change while their connection does not
        self._doubts: dict[int, Doubt] = {}
        self._witnesses: set[int] = set()  # markets whose ticker has agreed with the book
        self._late: set[int] = set()
        self._offsets: dict[int, Offset] = {}
        self._carriers = Carriers()
        self._delivery = Delivery()

    def step(self, entries: Sequence[Fact]) -> list[Fact]:
        """Return the entries with what was noticed among them. About 0.1 µs for a change of a book."""
        out: list[Fact] = []
        add, latest, spells, touches, doubts = out.append, self._latest, self._spells, self._touch, self._doubts
        for number, entry in enumerate(entries, start=1):
            add(entry)
            if type(entry) is VenueBookDelta:
                latest[entry.market] = entry
                if spells and entry.market in spells and not _breaks(entry, entries[number : number + 1]):
                    add(self._heard(entry))
            elif type(entry) is Touch:
                touches[entry.market] = entry
                if doubts and entry.market in doubts:
                    out += self._moved(entry)
            else:
                out += self._other(entry)
        return out

    def _other(self, entry: Fact) -> list[Fact]:
        """Take in anything but a level change or a touch."""
        if isinstance(entry, ClockTick):
            return self._tick(entry)
        if isinstance(entry, VenueTicker):
            return self._ticker(entry)
        if isinstance(entry, VenueTrade):
            return self._trade(entry)
        if isinstance(entry, VenueBookImage):
            return self._image(entry)
        if isinstance(entry, BookEvent):
            self._event(entry)
        elif isinstance(entry, (VenueInstrumentRecord, VenueStatus)):
            self._life(entry)
        elif isinstance(entry, VenueConnection):
            self._carriers.take(entry, self.budgets)
            return self._delivery.take(entry)
        return []

    # ---- what follows books, markets and connections ----

    def _heard(self, entry: VenueBookDelta | VenueBookImage) -> BookEvent:
        """End a silence; `seen` is how long it lasted, in milliseconds."""
        self._forget(entry.market)
        return self._spell(entry, entry.market, "HEARD")

    def _forget(self, market: int) -> None:
        self._spells.pop(market, None)
        self._pending.discard(market)

    def _keep(self, market: int, cause: str) -> None:
        self._spells[market] = cause
        if cause == "CALM" or (cause == "SILENT" and self._carriers.run_of[market].wire.state == ALIVE):
            self._pending.add(market)
        else:
            self._pending.discard(market)

    def _spell(self, entry: Fact, market: int, event: str) -> BookEvent:
        age_ms = (entry.at_ns - self._book_ns.get(market, entry.at_ns)) // MS_NS
        return BookEvent(entry.fact, entry.at_ns, market, event, self.budgets.silence_ms, age_ms)

    def _image(self, image: VenueBookImage) -> list[Fact]:
        market, at_ns = image.market, image.at_ns
        said = self._delivery.image(image)  # first: a late book must not be believed for what is said after it
        said += [self._heard(image)] if market in self._spells else []
        self._latest.pop(market, None)
        self._book_ns[market] = at_ns
        run = self._carriers.of(image)
        run.wire.hear(market, at_ns)
        if image.venue_seq >= 0:
            run.numbered = True
        return said

    def _event(self, entry: BookEvent) -> None:
        """Follow which books are live; an empty book has nothing to be stale. An image ends every contradiction."""
        market, event = entry.market, entry.event
        if event == "IMAGE":
            self._live.add(market)
        elif event == "EMPTY" or event in BOOK_LOST:
            self._live.discard(market)
            self._forget(market)
        else:
            return
        self._doubts.pop(market, None)
        self._watch(market)

    def _life(self, entry: VenueInstrumentRecord | VenueStatus) -> None:
        """Follow which markets are open, and until when."""
        market = entry.market
        if entry.expiry_ns:
            self._expiry[market] = entry.expiry_ns
        if entry.status == Status.OPEN:
            self._open.add(market)
        else:
            self._open.discard(market)
        self._watch(market)

    def _watch(self, market: int) -> None:
        if market in self._live and market in self._open:
            self._watched.add(market)
        else:
            self._watched.discard(market)

    # ---- witnesses beside the book ----

    def _ticker(self, ticker: VenueTicker) -> list[Fact]:
        """Hold the venue's best prices against the book's; the older of the two contradicts nothing."""
        market, touch = ticker.market, self._touch.get(ticker.market)
        self._carriers.of(ticker).wire.hear(market, ticker.at_ns)
        if touch is None or market not in self._live or 0 < ticker.venue_ns < touch.venue_ns:
            return []
        bid, ask = ticker.bid_ticks == touch.bid_ticks, ticker.ask_ticks == touch.ask_ticks
        doubt = self._doubts.get(market)
        if not (bid and ask):
            if market not in self._witnesses:
                return []
            doubt = self._doubts.setdefault(market, Doubt()) if doubt is None else doubt
            for side, agrees, price in ((1, bid, touch.bid_ticks), (-1, ask, touch.ask_ticks)):
                if agrees:
                    doubt.agree(side)
                else:
                    doubt.contradict(side, ticker.at_ns, price, -1)
            return []
        said: list[Fact] = []
        self._witnesses.add(market)
        if doubt is not None:
            doubt.agree(1)
            doubt.agree(-1)
            said = self._agreed(ticker, doubt)
        return said + self._proved(ticker)

    def _trade(self, trade: VenueTrade) -> list[Fact]:
        """Hold a trade against the best prices: between them it proves them, past one of them it contradicts it."""
        market, price, touch = trade.market, trade.price_ticks, self._touch.get(trade.market)
        self._carriers.of(trade).wire.hear(market, trade.at_ns)
        if touch is None or market not in self._live or 0 < trade.venue_ns < touch.venue_ns:
            return []
        bid, ask = touch.bid_ticks, touch.ask_ticks
        if 0 <= ask < price:
            self._doubts.setdefault(market, Doubt()).contradict(-1, trade.at_ns, ask, touch.ask_lots)
        elif price < bid:
            self._doubts.setdefault(market, Doubt()).contradict(1, trade.at_ns, bid, touch.bid_lots)
        elif bid <= price <= ask:
            return self._proved(trade)
        return []

    def _proved(self, entry: VenueTicker | VenueTrade) -> list[Fact]:
        """Take in a proof of the best prices; a book that was doubted for its silence is calm now."""
        market = entry.market
        self._proof_ns[market] = entry.at_ns
        if self._spells.get(market, "CALM") == "CALM" or self._contradicted(market):
            return []
        self._keep(market, "CALM")
        return [self._spell(entry, market, "CALM")]

    def _contradicted(self, market: int) -> bool:
        doubt = self._doubts.get(market)
        return doubt is not None and doubt.since_ns > 0

    def _moved(self, touch: Touch) -> list[Fact]:
        """Look whether a side that was contradicted is another now."""
        doubt = self._doubts[touch.market]
        over = doubt.moved((touch.bid_ticks, touch.bid_lots), (touch.ask_ticks, touch.ask_lots))
        return self._agreed(touch, doubt) if over else []

    def _agreed(self, entry: Touch | VenueTicker, doubt: Doubt) -> list[Fact]:
        """Nothing contradicts the book any more: take back what was said, unless something may have been lost."""
        if doubt.said and not self._carriers.of(entry).numbered:
            return []
        del self._doubts[entry.market]
        if not doubt.said:
            return []
        return [BookEvent(entry.fact, entry.at_ns, entry.market, "AGREED", self.budgets.apart_ms, 0)]

    # ---- once a second ----

    def _tick(self, tick: ClockTick) -> list[Fact]:
        """Judge all books at the end of a second; what is found is said in the order of the table."""
        said = self._skewed(tick, self._fold())
        said += self._apart(tick)
        said += self._silences(tick)
        if tick.at_ns // _MINUTE_NS != (tick.at_ns - SECOND_NS) // _MINUTE_NS:
            self._retire(tick.at_ns - RETIRED_NS)
        return said

    def _fold(self) -> dict[int, int]:
        """Take in the newest change of each book in this second; return the least delay of each source."""
        delays: dict[int, int] = {}
        proofs: dict[Run, int] = {}
        book_ns, carriers = self._book_ns, self._carriers
        for market, entry in self._latest.items():
            at_ns = book_ns[market] = entry.at_ns
            run = carriers.run_of.get(market) or carriers.of(entry)
            run.wire.hear(market, at_ns)
            if entry.venue_seq >= 0:
                run.numbered = True
                if entry.prev_seq < 0 and at_ns > proofs.get(run, 0):
                    proofs[run] = at_ns
            if entry.venue_ns and (entry.size_lots or not entry.relative):  # a change of nothing was late or came twice
                source, delay = entry.fact >> SOURCE_SHIFT, at_ns - entry.venue_ns
                if delay < delays.get(source, delay + 1):
                    delays[source] = delay
        self._latest.clear()
        for run, at_ns in proofs.items():
            run.prove(at_ns, self.budgets)
        return delays

    def _skewed(self, tick: ClockTick, delays: dict[int, int]) -> list[Fact]:
        """Say of which books the messages come later or earlier than is usual; `seen` is by how much, in ms."""
        said: list[Fact] = []
        for source, delay in delays.items():
            offset = self._offsets.setdefault(source, Offset())
            if offset.take(tick.at_ns, delay, self.budgets) and not offset.said:
                back = sorted(market for market in self._late if self._carriers.source[market] == source)
                self._late.difference_update(back)
                said += self._timed(tick, back, "STEADY", offset)
        for source, offset in self._offsets.items():
            if offset.said:
                late = [m for m in sorted(self._watched - self._late) if self._carriers.source.get(m) == source]
                self._late.update(late)
                said += self._timed(tick, late, "SKEW", offset)
        return said

    def _timed(self, tick: ClockTick, markets: Iterable[int], event: str, offset: Offset) -> list[Fact]:
        limit, off = self.budgets.skew_ms, offset.off_ns // MS_NS
        return [BookEvent(tick.fact, tick.at_ns, market, event, limit, off) for market in markets]

    def _apart(self, tick: ClockTick) -> list[Fact]:
        """Say which books have been contradicted for too long; `seen` is for how long, in milliseconds."""
        said: list[Fact] = []
        for market in sorted(self._doubts):
            doubt, limit = self._doubts[market], self.budgets.apart_ms
            since = doubt.since_ns
            if not since or tick.at_ns - since < limit * MS_NS or doubt.said == "GHOST":
                continue
            event = "GHOST" if self._book_ns.get(market, 0) > since else "STUCK"
            if event != doubt.said and market in self._watched and not self._is_over(market, tick.at_ns):
                doubt.said = event
                said.append(BookEvent(tick.fact, tick.at_ns, market, event, limit, (tick.at_ns - since) // MS_NS))
        return said

    def _is_over(self, market: int, now: int) -> bool:
        return 0 < self._expiry.get(market, 0) <= now

    def _silences(self, tick: ClockTick) -> list[Fact]:
        """Say which books fell silent since the last second, and of which silences the cause has changed."""
        now, spells, book_ns = tick.at_ns, self._spells, self._book_ns
        limit = now - self.budgets.silence_ms * MS_NS
        changed = self._carriers.judge(now, self.budgets)
        due = {m for m in self._watched.difference(spells) if book_ns.get(m, now) < limit}
        if changed:
            run_of = self._carriers.run_of
            due.update(market for market in spells if run_of[market] in changed)
        due |= self._pending
        said: list[Fact] = []
        for market in sorted(due & self._watched):
            if not self._is_over(market, now):
                cause = self._cause(market, now)
                if cause != spells.get(market):
                    said.append(self._spell(tick, market, cause))
                self._keep(market, cause)
        return said

    def _cause(self, market: int, now: int) -> str:
        """Name the cause of a book's silence; a doubted book needs numbers that have settled."""
        run, proof_ns = self._carriers.run_of[market], self._proof_ns.get(market, 0)
        if run.settled or self._spells.get(market, "CALM") == "CALM":
            proof_ns = max(proof_ns, run.proved_ns)
        if now - proof_ns <= self.budgets.silence_ms * MS_NS and not self._contradicted(market):
            return "CALM"
        if run.wire.state == FROZEN:
            return "FROZEN"
        return "QUIET" if run.wire.state == ALIVE and run.wire.speaker != market else "SILENT"

    def _retire(self, ended_ns: int) -> None:
        """Forget markets that ended long ago, so that a long run does not grow with them; once a minute."""
        for market in [each for each, expiry_ns in self._expiry.items() if expiry_ns < ended_ns]:
            self._forget(market)
            self._carriers.forget(market)
            self._delivery.forget(market)
            for kept in (self._expiry, self._book_ns, self._proof_ns, self._touch, self._doubts):
                kept.pop(market, None)
            for marked in (self._live, self._open, self._watched, self._late, self._witnesses):
                marked.discard(market)
        self._carriers.retire(ended_ns)


def _breaks(entry: Fact, follows: Sequence[Fact]) -> bool:
    """True when what ends a silence ends the trust in its book too: then nobody may believe it in between."""
    said = next(iter(follows), None)
    own = type(said) is BookEvent and (said.fact, said.market) == (entry.fact, entry.market)
    return own and said is not None and getattr(said, "event", "") in BOOK_LOST
