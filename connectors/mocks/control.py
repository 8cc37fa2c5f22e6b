"""Steer a mock venue and look into it: `/_misbehave`, `/_modes`, `/_state`, `/_book`, `/_trade`, `/_price` and more.

No venue has these paths. They answer on loopback only, and every amount is text, as venues write them.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from connectors.mocks.core import BUY, OPEN, SELL, ZERO, Denied, MockAccount, MockFill, MockOrder
from connectors.mocks.exchange import side_of
from connectors.mocks.misbehave import ALIASES, KINDS, MODES
from connectors.mocks.replaying import replayed
from connectors.mocks.venue import MAIN
from connectors.mocks.wire import Answer, Body, Call, number, plain

if TYPE_CHECKING:
    from connectors.mocks.server import MockServer

Level = tuple[Decimal, Decimal]


class Control:
    """The steering of one mock venue."""

    def __init__(self, server: "MockServer") -> None:
        """Take the server whose venue is steered."""
        self.server, self.venue = server, server.venue
        self._ways: dict[tuple[str, str], Callable[[Call], object]] = {
            ("POST", "/_misbehave"): self.misbehave,
            ("GET", "/_modes"): self.modes,
            ("GET", "/_state"): self.state,
            ("GET", "/_requests"): self.requests,
            ("GET", "/_credentials"): self.credentials,
            ("POST", "/_book"): self.book,
            ("GET", "/_book"): self.show_book,
            ("POST", "/_trade"): self.trade,
            ("POST", "/_price"): self.price,
            ("POST", "/_market"): self.market,
            ("POST", "/_account"): self.account,
            ("POST", "/_rules"): self.rules,
            ("POST", "/_reset"): self.reset,
        }

    def answer(self, call: Call) -> Answer:
        """Answer a steering request; a wrong one is told what is allowed."""
        way = self._ways.get((call.method, call.path))
        if way is None:
            return Answer({"error": "no such path", "paths": [f"{m} {p}" for m, p in self._ways]}, 404)
        try:
            return Answer(way(call))
        except Denied as refusal:
            return Answer({"error": refusal.words or refusal.code, "code": refusal.code}, refusal.status)
        except (ValueError, ArithmeticError) as err:
            return Answer({"error": repr(err), "code": "malformed"}, 400)

    # ---- misbehaviour ----

    def misbehave(self, call: Call) -> object:
        """Ask for a mode, take one back, or (`none`) all of them."""
        fault = self.venue.faults.ask(call.json())
        skew = self.venue.faults.state("clock_skew")
        self.venue.clock.skew_ms = 0 if skew is None else int(skew.seconds * 1000)
        if fault is not None and fault.mode == "ws_drop" and self.venue.faults.drops():
            self.server.cut_lines()
        return {"active": self._active()}

    def modes(self, call: Call) -> object:
        """Every mode, what it does and which requests it meets; what is on now, and what has happened."""
        del call
        return {
            "modes": {
                name: {"does": mode.does, "on": list(mode.kinds), "lasts": mode.lasts} for name, mode in MODES.items()
            },
            "aliases": {name: f"{mode}, when: {when}" for name, (mode, when) in ALIASES.items()},
            "parameters": ["mode", "times", "on", "seconds", "when", "variant", "retry_after"],
            "kinds": list(KINDS),
            "active": self._active(),
            "met": dict(self.venue.faults.met),
        }

    def _active(self) -> list[Body]:
        return [
            {"mode": f.mode, "times": f.times, "on": list(f.kinds), "seconds": f.seconds, "when": f.when, "met": f.met}
            for f in self.venue.faults.active
        ]

    # ---- looking ----

    def state(self, call: Call) -> object:
        """Everything that the venue knows, of `?account=` or of all."""
        venue, exchange = self.venue, self.venue.exchange
        only = call.query.get("account")
        people = [one for one in venue.people() if only in (None, one.name)]
        names = {one.name for one in people}
        orders = [order for order in exchange.orders.values() if order.account in names]
        last = {str(entry["kind"]): entry for entry in self.server.log}
        return {
            "venue": venue.name,
            "clock_ms": venue.clock.ms(),
            "orders": [shown_order(order) for order in orders],
            "open_orders": sum(order.state == OPEN for order in orders),
            "fills": [shown_fill(fill) for fill in exchange.fills if fill.order.account in names],
            "positions": {one.name: shown_held(one) for one in people},
            "balances": {one.name: plain(one.cash) for one in people},
            "requests": dict(self.server.counts),
            "effective_orders": dict(exchange.effective),
            "self_trades": exchange.self_trades,
            "last_request": self.server.log[-1] if self.server.log else None,
            "last_by_kind": last,
            "sockets": len(venue.lines),
            "failures": list(self.server.failures),
            "misbehaving": self._active(),
            "met": dict(venue.faults.met),
            "rules": venue.rules,
            "markets": list(exchange.markets),
            **venue.extra(),
        }

    def requests(self, call: Call) -> object:
        """The last requests as they came, oldest first; `?kind=` and `?text=` choose, `text` in path, headers, body."""
        kind, text = call.query.get("kind"), call.query.get("text", "").lower()
        found = [e for e in self.server.log if kind in (None, e["kind"]) and text in _flat(e)]
        return {"count": len(found), "requests": found}

    def credentials(self, call: Call) -> object:
        """The development keys of `?account=`; a name that nobody had opens an account."""
        account = self.venue.account(call.query.get("account", MAIN))
        base = {"venue": self.venue.name, "account": account.name, "base_url": self.server.base_url}
        return {**base, "ws_url": self.server.ws_url, **account.secrets}

    def show_book(self, call: Call) -> object:
        """A book as the venue holds it, best first."""
        symbol, _ = self.venue.locate(dict(call.query))
        book = self.venue.exchange.books[symbol]
        return {"market": symbol, "bids": _pairs(book.levels(BUY)), "asks": _pairs(book.levels(SELL))}

    # ---- the street ----

    def book(self, call: Call) -> object:
        """Quote a book: `bids` and `asks`, or `steps` of them, or a recording's (`capture`, `frames`, `speed`)."""
        wish = call.json()
        if "capture" in wish:
            return replayed(self.venue, wish)
        steps = wish.get("steps")
        if isinstance(steps, list):
            wait = 0.0
            for step in steps:
                image = {"market": wish.get("market"), **_body(step)}
                wait += float(number(image.get("after_ms", 0), "after_ms")) / 1000
                self.venue.later(wait, partial(self._quote, image))
            return {"steps": len(steps), "seconds": wait}
        symbol = self._quote(wish)
        return {"market": symbol, "version": self.venue.exchange.books[symbol].version}

    def _quote(self, wish: Body) -> str:
        symbol, flip = self.venue.locate(wish)
        sides: dict[int, list[Level]] = {}
        for name, side in (("bids", BUY), ("asks", SELL)):
            if name in wish:
                levels = read_levels(wish[name])
                sides[-side if flip else side] = [(1 - p, s) for p, s in levels] if flip else levels
        self.venue.exchange.set_book(symbol, sides)
        return symbol

    def trade(self, call: Call) -> object:
        """Let somebody trade: through the book (`market`, `side`, `size`, `price`), or with one of our orders."""
        wish, exchange = call.json(), self.venue.exchange
        size = number(wish["size"], "size") if "size" in wish else None
        name = str(wish.get("order_id") or wish.get("client_order_id") or "")
        if name:
            named = [o for o in exchange.orders.values() if name in (o.order_id, o.client_id) and o.state == OPEN]
            if not named:
                raise Denied(404, "order", f"{name!r}: no resting order of that id")
            fills = exchange.street_take(named[-1], size or named[-1].left)
        else:
            symbol, flip = self.venue.locate(wish)
            side = side_of(str(wish.get("side", "")))
            price = number(wish["price"], "price") if "price" in wish else None
            if flip:
                side, price = -side, None if price is None else 1 - price
            fills = exchange.street_trade(symbol, side, size or Decimal(1), price)
        return {"fills": [shown_fill(fill) for fill in fills]}

    def price(self, call: Call) -> object:
        """Move the street: the mark, and every level by the distance of the new price from the old middle."""
        wish = call.json()
        symbol, flip = self.venue.locate(wish)
        exchange = self.venue.exchange
        price = number(wish.get("price"), "price")
        price = 1 - price if flip else price
        market, book = exchange.markets[symbol], exchange.books[symbol]
        market.mark = price
        bid, ask = book.best(BUY), book.best(SELL)
        if bid is not None and ask is not None and not wish.get("mark_only"):
            shift = (price - (bid + ask) / 2) // market.tick * market.tick
            moved: dict[int, list[Level]] = {BUY: [], SELL: []}
            for order in book.orders():
                at = order.price + shift
                if not order.account and at > ZERO and (self.venue.margin or at < 1):
                    moved[order.side].append((at, order.left))
            exchange.set_book(symbol, moved)
        return {"market": symbol, "mark": plain(price)}

    # ---- the house ----

    def market(self, call: Call) -> object:
        """Open a market, by the dialect's own description; `status` changes one that is there."""
        spec = call.json()
        if not spec.get("market"):
            raise Denied(400, "market", "market: the id of the new market")
        known = self.venue.exchange.markets.get(str(spec["market"]))
        if known is not None and "status" in spec:
            self.venue.change_status(known, str(spec["status"]))
            return {"market": known.symbol, "status": known.status}
        return {"market": self.venue.add_market(spec)}

    def account(self, call: Call) -> object:
        """Change an account: `name`, `cash`, `positions` (instrument → signed size, or [size, entry])."""
        wish = call.json()
        account = self.venue.account(str(wish.get("name", MAIN)))
        if "cash" in wish:
            account.cash = number(wish["cash"], "cash")
        for instrument, value in _body(wish.get("positions", {})).items():
            held = account.of(instrument)
            size, entry = (value[0], value[1]) if isinstance(value, list) else (value, 0)
            held.size, held.entry = number(size, "size"), number(entry, "entry")
        return {"account": account.name, "cash": plain(account.cash), "positions": shown_held(account)}

    def rules(self, call: Call) -> object:
        """Change rules of the venue that its documents leave open; answers all of them."""
        wish = call.json()
        if unknown := sorted(wish.keys() - self.venue.rules.keys()):
            raise Denied(400, "rules", f"{unknown}: of {', '.join(self.venue.rules)}")
        self.venue.rules.update(wish)
        return self.venue.rules

    def reset(self, call: Call) -> object:
        """Forget orders, fills, requests and misbehaviour; markets, street and keys stay."""
        del call
        exchange = self.venue.exchange
        self.venue.faults.active.clear()
        self.venue.faults.met.clear()
        self.venue.clock.skew_ms = 0
        for order in list(exchange.orders.values()):
            if order.state == OPEN:
                exchange.cancel(order, "reset")
        exchange.orders.clear()
        exchange.fills.clear()
        exchange.effective.clear()
        self.server.counts.clear()
        self.server.log.clear()
        for account in self.venue.people():
            account.held.clear()
            account.cash = self.venue.cash
        return {"reset": self.venue.name}


def shown_order(order: MockOrder) -> Body:
    """An order for `GET /_state`; side and price are those of the instrument that it named."""
    return {
        "order_id": order.order_id,
        "account": order.account,
        "client_id": order.client_id,
        "market": order.market,
        "instrument": order.instrument,
        "side": "buy" if order.own_side == BUY else "sell",
        "price": plain(order.own_price),
        "size": plain(order.size),
        "filled": plain(order.filled),
        "state": order.state,
        "reason": order.reason,
        "tif": order.tif,
        "post_only": order.post_only,
        "reduce_only": order.reduce_only,
        "created_ms": order.created_ms,
        **{name: str(value) for name, value in order.data.items()},
    }


def shown_fill(fill: MockFill) -> Body:
    """A fill for `GET /_state`."""
    order = fill.order
    return {
        "trade_id": fill.trade_id,
        "order_id": order.order_id,
        "client_id": order.client_id,
        "account": order.account,
        "market": order.market,
        "instrument": order.instrument,
        "side": "buy" if order.own_side == BUY else "sell",
        "price": plain(fill.own_price),
        "size": plain(fill.size),
        "fee": plain(fill.fee),
        "liquidity": "maker" if fill.maker else "taker",
        "status": fill.status,
        "at_ms": fill.at_ms,
    }


def shown_held(account: MockAccount) -> dict[str, str]:
    """What an account holds: instrument → signed size."""
    return {instrument: plain(held.size) for instrument, held in account.held.items() if held.size}


def read_levels(value: object) -> list[Level]:
    """Read [[price, size], ...]. Raises Denied 400."""
    if not isinstance(value, list) or not all(isinstance(row, list) and len(row) == 2 for row in value):
        raise Denied(400, "levels", "[[price, size], ...]")
    return [(number(price, "price"), number(size, "size")) for price, size in value]


def _pairs(levels: list[Level]) -> list[list[str]]:
    return [[plain(price), plain(size)] for price, size in levels]


def _body(value: object) -> Body:
    if not isinstance(value, dict):
        raise Denied(400, "body", "an object is expected")
    return value


def _flat(entry: Body) -> str:
    return " ".join(str(entry[name]) for name in ("path", "query", "headers", "body")).lower()
