"""Trade perpetuals that are paid in USDT on Bitget and Binance through ccxt, under our own ids and nobody's tag.

Both venues refuse a client id while its order is open, and may take it again after: an order whose id was sent before
is looked up before it is sent. A refused repeat says that the first was accepted, and is looked up. Before the first
order of a market that may rest, the margin, the leverage that the desk states and Binance's countdown are set, or
nothing is sent. The user channel is not used: it is a socket of ccxt's asynchronous half, which would need the key.

What costs one symbol little costs the whole account much (Binance) or is one list (Bitget): while the account's own
lists are read once a minute, the rest of the time those of the symbols in which something happened are enough.

Source: facts on perpetuals through ccxt, §0, §3, §8, §9, §10.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from connectors.signer_client import SignerClient
from connectors.venue import (
    Abilities,
    Ambiguous,
    Final,
    Holdings,
    Page,
    Retryable,
    Terms,
    VenueFailed,
    VenueFill,
    VenueOrder,
)
from connectors.venues import ccxt_binance, ccxt_bitget
from connectors.venues.ccxt_calls import HOSTS, TIMEOUT_MS, Calls
from connectors.venues.ccxt_following import Asked, Following
from connectors.venues.reading import REMEMBERED, Markets, Names, Unread
from contracts.base import Refused
from contracts.ids import market_name, symbol_of
from contracts.order import PlannedOrder, VenueOrderEvent
from contracts.payloads import Value, payload_of

__all__ = ["BINANCE", "BITGET", "HOSTS", "Leverage", "Perps"]
BITGET, BINANCE = ccxt_bitget.NAME, ccxt_binance.NAME
MARGINS = ("cross", "isolated")
WHOLE_S, ACTIVE_S = 60.0, 180.0
ID_MAX, TIMES_MAX = 32, 125


class Leverage(NamedTuple):
    """What the venue has confirmed of a market: so many times, and how it is margined (cross or isolated)."""

    times: int
    margin: str


class Dialect(Asked, Protocol):
    """One venue's endpoints and rows."""

    venue_id: str
    can: Abilities
    duplicate: str
    lists_by_symbol: bool

    def wanted(self, body: Mapping[str, Value], margin: str) -> dict[str, Value]:
        """Return what the request of an order must be."""

    def send(self, request: Mapping[str, object], order: PlannedOrder, terms: Terms) -> VenueOrder:
        """Send an order that was built."""

    def take_back(self, order_id: str, terms: Terms) -> VenueOrder | None:
        """Cancel an order, and read it."""

    def clear(self, symbol: str) -> int:
        """Cancel everything of a symbol."""

    def clear_rest(self, done: Sequence[str]) -> int:
        """Cancel everything of other symbols."""

    def fills(self, symbols: Iterable[str], since_ns: int) -> tuple[list[VenueFill], bool]:
        """Return the matches since a time."""

    def cash_micros(self) -> int:
        """Return the account's money."""

    def positions(self) -> tuple[list[tuple[str, int]], bool]:
        """Return what is held."""

    def arm(self, symbols: Iterable[str]) -> None:
        """Renew the dead man's switch."""

    def one_way(self, terms: Terms) -> None:
        """Hold one position per symbol."""

    def set_leverage(self, terms: Terms, leverage: int, margin: str) -> int:
        """Set margin and leverage."""


_DIALECTS: Mapping[str, tuple[Callable[[Calls, Markets, Names], Dialect], tuple[str, Callable[[object], int]]]] = {
    BITGET: (ccxt_bitget.Bitget, ccxt_bitget.CLOCK),
    BINANCE: (ccxt_binance.Binance, ccxt_binance.CLOCK),
}


class Perps:
    """One account on Bitget or Binance.

    leverage  market -> what the venue has confirmed of it in this process
    """

    def __init__(
        self,
        venue_id: str,
        base_url: str,
        signer: SignerClient,
        *,
        key_ref: str,
        mode: str,
        markets: Iterable[Terms] = (),
        leverage: Mapping[str, int] | None = None,
        timeout_ms: int = TIMEOUT_MS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the venue, its address, who signs with which key, the markets, and the leverage that the desk states.

        A market without a stated leverage keeps what its account has. Takes a second: ccxt is read.
        """
        make, read_clock = _DIALECTS[venue_id]
        known = list(markets)
        self.venue_id, self._clock = venue_id, clock
        self._calls = Calls(venue_id, base_url, signer, read_clock, key_ref=key_ref, mode=mode, timeout_ms=timeout_ms)
        self._markets = Markets(known, lambda symbol: Terms(market_name(venue_id, symbol), symbol, 1, 1, 0))
        self._terms = {terms.symbol: terms for terms in known}
        self._names = Names()
        self._dialect = make(self._calls, self._markets, self._names)
        self._follow = Following(self._dialect, clock=clock, sleep=sleep)
        self.can, self.leverage, self._stated = self._dialect.can, dict[str, Leverage](), dict(leverage or {})
        self._sent: OrderedDict[str, None] = OrderedDict()
        self._active: dict[str, float] = {}
        self._armed: dict[str, float] = {}
        self._one_way = False
        self._whole = {"orders": -WHOLE_S, "fills": -WHOLE_S}

    # ---- orders --------------------------------------------------------------------------------------------------

    def place(self, order: PlannedOrder, terms: Terms) -> VenueOrder:
        """Send an order under its client_order_id, unless the venue has it already."""
        self._know(terms)
        ours = order.client_order_id
        try:
            body = payload_of(order, terms).body()
        except Refused as err:
            raise Final(f"{self.venue_id}: {err}", "unspellable") from None
        if not 0 < len(ours) <= ID_MAX:
            raise Final(f"{self.venue_id}: order {ours!r}: an id of 1 to {ID_MAX} characters is allowed", "unspellable")
        if ours in self._sent:
            earlier = self.find(ours, terms)
            if earlier is not None:
                return earlier
        margin = self.leverage.get(terms.market_id, Leverage(0, "cross")).margin
        request = self._calls.built(body, terms, self._dialect.wanted(body, margin), margin)
        self._prepare(order, terms)
        self._sent[ours] = None
        if len(self._sent) > REMEMBERED:
            self._sent.popitem(last=False)
        try:
            found = self._dialect.send(request, order, terms)
        except Final as err:
            if err.code != self._dialect.duplicate:
                raise
            return self._accepted_earlier(ours, terms)
        self._follow.learn(found, terms, placed=True)
        return found

    def _prepare(self, order: PlannedOrder, terms: Terms) -> None:
        """Set what must stand before an order may leave; an exit leaves without it where it cannot be had."""
        stated = self._stated.get(terms.market_id, 0)
        if stated and terms.market_id not in self.leverage and not order.reduce_only:
            self.set_leverage(terms, stated)
        if order.time_in_force in ("GTC", "GTD"):
            try:
                self._arm([terms.symbol], half=True)
            except VenueFailed:
                if not order.reduce_only:
                    raise

    def _accepted_earlier(self, ours: str, terms: Terms) -> VenueOrder:
        """Find the order that a refused repeat speaks of; while reads lag, its state is open."""
        what = f"{self.venue_id}: order {ours}: accepted earlier"
        try:
            found = self.find(ours, terms)
        except VenueFailed as err:
            raise Ambiguous(f"{what}, not read ({err})", "duplicate") from None
        if found is None:
            raise Ambiguous(f"{what}, not yet seen", "duplicate")
        return found

    def cancel(self, venue_order_id: str, terms: Terms) -> VenueOrder | None:
        """Take an order back, and read what became of it."""
        self._know(terms)
        if not (venue_order_id.isascii() and venue_order_id.isdecimal()):
            raise Final(f"{self.venue_id}: order {venue_order_id[:80]!r}: is no id", "id")
        return self._learnt(self._dialect.take_back(venue_order_id, terms), terms)

    def cancel_all(self, market_id: str = "") -> int:
        """Take back everything, the symbols in which something rests first; a refusal of one stops no other."""
        if market_id:
            return self._dialect.clear(symbol_of(self.venue_id, self._markets.symbol(market_id)))
        known = self._terms if self._dialect.lists_by_symbol else ()
        done, gone = list(dict.fromkeys([*self._follow.symbols, *known])), 0
        first: VenueFailed | None = None
        for clear in (*(lambda symbol=symbol: self._dialect.clear(symbol) for symbol in done), self._clear_rest(done)):
            try:
                gone += clear()
            except VenueFailed as err:
                first = first or err
        if first is not None:
            raise first
        return gone

    def _clear_rest(self, done: Sequence[str]) -> Callable[[], int]:
        return lambda: self._dialect.clear_rest(done)

    def find(self, client_order_id: str, terms: Terms) -> VenueOrder | None:
        """Look an order up by our id, closed ones too; an absence means something once the window has closed."""
        self._know(terms)
        return self._learnt(self._dialect.order(terms, client_order_id=client_order_id), terms)

    # ---- the account ---------------------------------------------------------------------------------------------

    def open_orders(self) -> Page:
        """Return the resting orders: of every symbol in which something happened, and once a minute of the account."""
        with self._reading("open orders"):
            rows, complete = list[VenueOrder](), True
            whole = self._is_whole("orders")
            for symbol in [""] if whole or not self._dialect.lists_by_symbol else self._busy():
                found, read = self._dialect.resting(symbol)
                rows, complete = rows + found, complete and read
            self._note("orders", done=whole and complete)
        for row in rows:
            terms = self._of(row.market_id)
            if terms is not None:
                self._active[terms.symbol] = self._clock()
                self._follow.learn(row, terms)
        return Page(tuple(rows), complete)

    def fills(self, since_ns: int) -> Page:
        """Return the matches since a time, oldest first: of the symbols that `open_orders` speaks of."""
        with self._reading("fills"):
            whole = self._is_whole("fills")
            rows, complete = self._dialect.fills(list(self._terms) if whole else self._busy(), since_ns)
            self._note("fills", done=whole and complete)
        once = {(fill.trade_id, fill.venue_order_id): fill for fill in rows if fill.at_ns >= since_ns}
        return Page(tuple(sorted(once.values(), key=lambda fill: (fill.at_ns, fill.trade_id))), complete)

    def holdings(self) -> Holdings:
        """Return the account's money without unrealised profits, and its positions: long above zero."""
        with self._reading("holdings"):
            cash, (rows, complete) = self._dialect.cash_micros(), self._dialect.positions()
        held: dict[str, int] = {}
        for market_id, size in rows:
            held[market_id] = held.get(market_id, 0) + size
        return Holdings(cash, tuple(sorted((name, size) for name, size in held.items() if size)), complete)

    def server_time_ns(self) -> int:
        """Return the venue's clock; what is signed from now on is stamped by it."""
        return self._calls.server_time_ns()

    def arm(self) -> None:
        """Renew the countdown of every symbol in which something rests or may; Bitget has none."""
        since = self._clock() - self.can.dead_man_s
        lately = [symbol for symbol, at in self._active.items() if at > since]
        self._arm(dict.fromkeys([*self._follow.symbols, *lately]))

    def events(self, timeout_s: float) -> list[VenueOrderEvent | VenueFill]:
        """Return what became of orders, by asking for those that rest."""
        with self._reading("events"):
            return self._follow.events(timeout_s)

    def close(self) -> None:
        """Close every connection."""
        self._calls.close()

    # ---- settings ------------------------------------------------------------------------------------------------

    def set_leverage(self, terms: Terms, times: int, margin: str = "cross") -> Leverage:
        """Set how a market is margined and how many times, before its first order; returns what the venue confirmed.

        The account is set to hold one position per symbol. Raises Final where the venue answers another leverage.
        """
        if margin not in MARGINS or not 1 <= times <= TIMES_MAX:
            wrong = f"leverage {times}, margin {margin!r}; allowed: 1 to {TIMES_MAX}, cross or isolated"
            raise Final(f"{self.venue_id}: {wrong}", "leverage")
        self._know(terms)
        with self._reading("leverage"):
            if not self._one_way:
                self._dialect.one_way(terms)
                self._one_way = True
            said = self._dialect.set_leverage(terms, times, margin)
        if said != times:
            raise Final(f"{self.venue_id}: {terms.symbol}: leverage {said}, not {times}", "leverage")
        self.leverage[terms.market_id] = Leverage(times, margin)
        return self.leverage[terms.market_id]

    # ---- underneath ----------------------------------------------------------------------------------------------

    def _know(self, terms: Terms) -> None:
        self._markets.add(terms)
        self._terms[terms.symbol] = terms
        self._active[terms.symbol] = self._clock()

    def _learnt(self, found: VenueOrder | None, terms: Terms) -> VenueOrder | None:
        if found is not None:
            self._follow.learn(found, terms)
        return found

    def _of(self, market_id: str) -> Terms | None:
        return next((terms for terms in self._terms.values() if terms.market_id == market_id), None)

    def _arm(self, symbols: Iterable[str], *, half: bool = False) -> None:
        """Renew countdowns; with `half` only those of which half has passed."""
        if not self.can.dead_man_s:
            return
        for symbol in symbols:
            now = self._clock()
            if not half or now - self._armed.get(symbol, -self.can.dead_man_s) > self.can.dead_man_s / 2:
                self._dialect.arm([symbol])
                self._armed[symbol] = now

    def _busy(self) -> list[str]:
        """Return the symbols in which something rests, or happened lately."""
        since = self._clock() - ACTIVE_S
        lately = [symbol for symbol, at in self._active.items() if at > since]
        return list(dict.fromkeys([*self._follow.symbols, *lately]))

    def _is_whole(self, name: str) -> bool:
        return self._clock() - self._whole[name] >= WHOLE_S

    def _note(self, name: str, *, done: bool) -> None:
        if done:
            self._whole[name] = self._clock()

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        """Answer a row that cannot be read as one that may be asked for again."""
        try:
            yield
        except Unread as err:
            raise Retryable(f"{self.venue_id}: {what}: {err} cannot be read", "unreadable", 1.0) from None
