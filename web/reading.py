"""Build a report from stored envelopes: follow each market, each order and the money through the run.

An envelope is a dictionary with the keys of `pt envelopes`. Of each payload only the fields that the report needs are
read, so that a store written by another version can still be shown.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct

from web.model import Mark, MarketView, Report, Spell
from web.series import Track

Envelope = Mapping[str, object]
LIVE = frozenset({"PENDING_SUBMIT", "SUBMITTED", "LIVE", "PARTIAL", "PENDING_CANCEL", "UNKNOWN"})
OVER = frozenset({3, 4, 5})  # contracts.market.Status: CLOSED, RESOLVED, VOID
MILLION, SECOND = 1_000_000, 1_000_000_000
S = TypeVar("S", bound=Struct)


class _Definition(Struct):
    tick_micros: int
    lot_micros: int
    instrument_kind: int = 0
    status: int = 0
    title: str = ""
    venue_id: str = ""
    outcome: str = ""


class _Snapshot(Struct):
    bid_ticks: int
    ask_ticks: int


class _Update(Struct):
    client_order_id: str
    side: int
    price_ticks: int
    state: str


class _Match(Struct):
    side: int
    price_ticks: int
    tick_micros: int
    size_lots: int
    lot_micros: int
    fee_micros: int = 0
    liquidity: str = ""


class _Position(Struct):
    size_lots: int
    cost_micros: int
    realised_micros: int
    fees_micros: int
    funding_micros: int = 0
    mark_micros: int = -1


class _Quality(Struct):
    state: str
    cause: str = ""


class _Vote(Struct):
    gate: str
    verdict: str
    reason: str


class _Decision(Struct):
    votes: list[_Vote]


class _Market:
    """What is known of one market while the envelopes pass."""

    def __init__(self, market_id: str) -> None:
        """Begin with the finest guess: prices and sizes in millionths, until a definition says more."""
        self.market_id = market_id
        self.definition = _Definition(1, 1)
        self.mid, self.bid, self.ask, self.inventory = Track(), Track(), Track(), Track()
        self.orders: dict[str, tuple[int, int]] = {}
        self.fills: list[Mark] = []
        self.paid: list[Mark] = []
        self.spells: list[Spell] = []
        self.intents = 0
        self.over = False
        self.mark_micros = -1
        self.position: _Position | None = None

    def end(self, at_ns: int) -> None:
        """End the middle and an open spell: trading is over."""
        self.over = True
        self.mid.add(at_ns, None)
        if self.spells and self.spells[-1].end_ns < 0:
            self.spells[-1] = Spell(self.spells[-1].start_ns, at_ns, self.spells[-1].cause)

    def result(self) -> int:
        """Return profit and loss, marked at the newest middle, or at what the position itself was marked."""
        held = self.position
        if held is None:
            return 0
        worth = held.size_lots * self.definition.lot_micros * self._mark(held) // MILLION if held.size_lots else 0
        return held.realised_micros + worth - held.cost_micros - held.fees_micros + held.funding_micros

    def _mark(self, held: _Position) -> int:
        if self.mark_micros >= 0:
            return self.mark_micros
        if held.mark_micros >= 0:
            return held.mark_micros
        size = held.size_lots * self.definition.lot_micros
        return held.cost_micros * MILLION // size

    def view(self) -> MarketView:
        """Return the market as the report shows it."""
        known = self.definition
        return MarketView(
            self.market_id,
            known.title,
            known.venue_id,
            known.outcome,
            self.mid.line(),
            self.bid.line(),
            self.ask.line(),
            self.inventory.line(),
            tuple(self.fills),
            tuple(self.paid),
            tuple(self.spells),
            self.intents,
            None if self.position is None else self.result(),
        )


class _Reader:
    """Everything that has been read so far."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.markets: dict[str, _Market] = {}
        self.equity = Track()
        self.results: dict[str, int] = {}
        self.total = 0
        self.votes: dict[str, Counter[str]] = {}
        self.vote_reasons: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.desk = ""
        self.start_ns = self.end_ns = 0

    def take(self, envelope: Envelope) -> None:
        """Read one envelope."""
        at_ns = envelope["at_ns"]
        assert isinstance(at_ns, int)
        second = at_ns // SECOND * SECOND
        self.start_ns = min(self.start_ns or second, second)
        self.end_ns = max(self.end_ns, at_ns)
        codes = envelope.get("reasons")
        if isinstance(codes, list | tuple):
            self.reasons.update(str(code) for code in codes)
        kind, market_id = str(envelope.get("kind", "")), str(envelope.get("market_id") or "")
        if kind == "DeskConfigured":
            self.desk = str(envelope.get("desk_id", ""))
        if kind == "RiskDecision":
            self._decision(envelope)
        reader = _READERS.get(kind)
        if reader is not None and market_id:
            market = self.markets.get(market_id) or self.markets.setdefault(market_id, _Market(market_id))
            reader(self, market, envelope, at_ns)

    def _decision(self, envelope: Envelope) -> None:
        for vote in _read(envelope, _Decision).votes:
            self.votes.setdefault(vote.gate, Counter())[vote.verdict] += 1
            self.vote_reasons[vote.reason] += 1

    def definition(self, market: _Market, envelope: Envelope, at_ns: int) -> None:
        """Learn tick, lot and title; where trading is over, the middle ends, and no book is missed any more."""
        market.definition = _read(envelope, _Definition)
        market.over = False
        if market.definition.status in OVER:
            market.end(at_ns)

    def snapshot(self, market: _Market, envelope: Envelope, at_ns: int) -> None:
        """Follow the middle; mark what is held."""
        if market.over:
            return
        shown = _read(envelope, _Snapshot)
        tick = market.definition.tick_micros
        ask_end = MILLION if market.definition.instrument_kind == 0 and tick > 1 else None
        bid, ask = shown.bid_ticks * tick, shown.ask_ticks * tick
        two_sided = bid > 0 and ask > 0 and (ask_end is None or ask < ask_end)
        market.mid.add(at_ns, (bid + ask) // 2 if two_sided else None)
        if two_sided:
            market.mark_micros = (bid + ask) // 2
            if market.position is not None and market.position.size_lots:
                self._money(market)

    def update(self, market: _Market, envelope: Envelope, at_ns: int) -> None:
        """Follow our own orders: the best that rests on each side."""
        order = _read(envelope, _Update)
        if order.state in LIVE:
            market.orders[order.client_order_id] = (order.side, order.price_ticks)
        else:
            market.orders.pop(order.client_order_id, None)
        tick = market.definition.tick_micros
        bids = [price for side, price in market.orders.values() if side > 0]
        asks = [price for side, price in market.orders.values() if side < 0]
        market.bid.add(at_ns, max(bids) * tick if bids else None)
        market.ask.add(at_ns, min(asks) * tick if asks else None)

    def fill(self, market: _Market, envelope: Envelope, at_ns: int) -> None:
        """Note a match."""
        market.fills.append(_mark(_read(envelope, _Match), at_ns))

    def settlement(self, market: _Market, envelope: Envelope, at_ns: int) -> None:
        """Note what resolution paid; from here on that is what a contract is worth."""
        paid = _mark(_read(envelope, _Match), at_ns)
        market.paid.append(paid)
        market.mark_micros = paid.price_micros
        market.end(at_ns)

    def position(self, market: _Market, envelope: Envelope, at_ns: int) -> None:
        """Follow what is held and what it earned."""
        held = market.position = _read(envelope, _Position)
        market.inventory.add(at_ns, held.size_lots * market.definition.lot_micros)
        self._money(market)

    def quality(self, market: _Market, envelope: Envelope, at_ns: int) -> None:
        """Follow when the book could not be believed."""
        said = _read(envelope, _Quality)
        spells = market.spells
        if said.state == "RESYNC" and not market.over:
            if not spells or spells[-1].end_ns >= 0:
                spells.append(Spell(at_ns, -1, said.cause))
        elif spells and spells[-1].end_ns < 0:
            spells[-1] = Spell(spells[-1].start_ns, at_ns, spells[-1].cause)

    def intent(self, market: _Market, envelope: Envelope, at_ns: int) -> None:
        """Count a wish."""
        market.intents += 1

    def _money(self, market: _Market) -> None:
        """Mark the whole desk, at the journal's time: a market whose lane is behind must not draw it back."""
        now = market.result()
        self.total += now - self.results.get(market.market_id, 0)
        self.results[market.market_id] = now
        self.equity.add(self.end_ns, self.total)


_READERS: dict[str, Callable[[_Reader, _Market, Envelope, int], None]] = {
    "MarketDefinition": _Reader.definition,
    "MarketSnapshot": _Reader.snapshot,
    "OrderUpdate": _Reader.update,
    "Fill": _Reader.fill,
    "Settlement": _Reader.settlement,
    "PositionState": _Reader.position,
    "BookQuality": _Reader.quality,
    "OrderIntent": _Reader.intent,
}


def from_envelopes(envelopes: Iterable[Envelope], summary: Mapping[str, object]) -> Report:
    """Read a run's envelopes, in journal order, once. About 3 µs each; memory grows with markets and fills only."""
    reader = _Reader()
    for envelope in envelopes:
        reader.take(envelope)
    views = [market.view() for market in reader.markets.values()]
    views.sort(key=lambda view: (-len(view.fills), -view.intents, -len(view.mid), view.market_id))
    return Report(
        summary,
        tuple(views),
        reader.equity.line(),
        _tables(summary, "votes") or reader.votes,
        reader.vote_reasons,
        _counts(summary, "reasons") or reader.reasons,
        _counts(summary, "dead_letters"),
        reader.desk,
        reader.start_ns,
        reader.end_ns,
    )


def _read(envelope: Envelope, shape: type[S]) -> S:
    """Read the payload, which is a dictionary or its JSON."""
    payload = envelope["payload"]
    if isinstance(payload, str | bytes):
        return msgspec.json.decode(payload, type=shape)
    return msgspec.convert(payload, shape)


def _mark(match: _Match, at_ns: int) -> Mark:
    return Mark(
        at_ns,
        match.price_ticks * match.tick_micros,
        match.side,
        match.size_lots * match.lot_micros,
        match.fee_micros,
        match.liquidity,
    )


def _counts(summary: Mapping[str, object], key: str) -> dict[str, int]:
    found = summary.get(key)
    return (
        {str(name): count for name, count in found.items() if isinstance(count, int)}
        if isinstance(found, Mapping)
        else {}
    )


def _tables(summary: Mapping[str, object], key: str) -> dict[str, dict[str, int]]:
    found = summary.get(key)
    return {str(name): _counts(found, name) for name in found} if isinstance(found, Mapping) else {}
