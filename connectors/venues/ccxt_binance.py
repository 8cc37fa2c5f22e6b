"""Speak to Binance's USD-margined futures: what is asked for, and how orders, trades and positions are read.

An answer to an order has its state and fills. A client id is refused only while its first order is open (-4116), so the
same order is never sent twice without a look-up. Lists go by symbol, since the list of the whole account costs forty
times one symbol's. A trade has no id of ours: it is joined by the order's, which is asked for where nobody knows it.
The countdown that cancels by itself is one per symbol.

Source: facts on perpetuals through ccxt, §3, §4, §8, §9, §10; ccxt 4.5.90, `binanceusdm`, `fetch_my_trades`.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from connectors.venue import (
    CANCELLED,
    EXPIRED,
    FILLED,
    REJECTED,
    RESTING,
    Abilities,
    Ambiguous,
    Final,
    Retryable,
    Terms,
    VenueFailed,
    VenueFill,
    VenueOrder,
)
from connectors.venues.ccxt_calls import Calls
from connectors.venues.ccxt_words import exactly, held, paid, readable, rows_of
from connectors.venues.reading import Markets, Names, Unread, field, lots, micros, text, ticks, whole
from contracts.order import PlannedOrder
from contracts.payloads import Value
from operators.normalise.spelling import epoch_ns

NAME = "binance"
DEAD_MAN_S, PAGE, PAGES_MAX, WEEK_MS, MS = 120.0, 1_000, 50, 7 * 86_400_000, 1_000_000
DUPLICATE, GONE, SAME = "-4116", ("-2011", "-2013"), ("-4046", "-4059")
SIDES = {"BUY": 1, "SELL": -1}
STATES = {
    "NEW": RESTING,
    "PARTIALLY_FILLED": RESTING,
    "FILLED": FILLED,
    "CANCELED": CANCELLED,
    "EXPIRED": EXPIRED,
    "EXPIRED_IN_MATCH": EXPIRED,
    "REJECTED": REJECTED,
}
MARGINS = {"cross": "CROSSED", "isolated": "ISOLATED"}


def read_clock(found: object) -> int:
    """Return the venue's time in milliseconds; raises Unread."""
    return whole(field(found, "serverTime") if isinstance(found, dict) else None)


CLOCK = ("fapiPublicGetTime", read_clock)


class Binance:
    """The dialect, for one account that holds one position per symbol."""

    venue_id = NAME
    # 2,400 of weight a minute, a cancel 1; ccxt leaves 50 ms between two. Receive window 10 s, and as much again for
    # an order that waits behind it ("execution status unknown").
    can = Abilities(
        finds_by_client_id=True,
        refuses_repeats=False,
        dead_man_s=DEAD_MAN_S,
        cancel_batch=1,
        cancels_per_s=20.0,
        window_ms=20_000,
    )
    duplicate = DUPLICATE
    lists_by_symbol = True

    def __init__(self, calls: Calls, markets: Markets, names: Names) -> None:
        """Take who asks, and what is known of markets and orders."""
        self._calls, self._markets, self._names = calls, markets, names

    # ---- orders --------------------------------------------------------------------------------------------------

    def wanted(self, body: Mapping[str, Value], margin: str) -> dict[str, Value]:
        """Return what the request of an order must be; the margin is the account's, and not the order's."""
        del margin
        only = {"reduceOnly": True} if body["reduceOnly"] else {}
        return {
            "symbol": body["symbol"],
            "side": str(body["side"]).upper(),
            "type": "LIMIT",
            "quantity": body["amount"],
            "price": body["price"],
            "timeInForce": "GTX" if body["postOnly"] else body["timeInForce"],
            "newClientOrderId": body["clientOrderId"],
            "newOrderRespType": "RESULT",
            **only,
        }

    def send(self, request: Mapping[str, object], order: PlannedOrder, terms: Terms) -> VenueOrder:
        """Send an order that was built; returns it as the answer states it."""
        found = self._calls.ask("fapiPrivatePostOrder", request, writes=True)
        try:
            return self._order(_object(found))
        except Unread as err:
            said = f"{NAME}: order {order.client_order_id}: {err} cannot be read in its answer"
            raise Ambiguous(said, "unreadable") from None

    def order(self, terms: Terms, *, order_id: str = "", client_order_id: str = "") -> VenueOrder | None:
        """Look an order up by either id, closed ones too; None when the venue has none."""
        named = {"orderId": order_id} if order_id else {"origClientOrderId": client_order_id}
        try:
            found = self._calls.ask("fapiPrivateGetOrder", {"symbol": terms.symbol, **named})
        except Final as err:
            if err.code in GONE:
                return None
            raise
        try:
            return self._order(_object(found))
        except Unread as err:
            raise Retryable(f"{NAME}: {order_id or client_order_id}: {err} cannot be read", "unreadable", 1.0) from None

    def take_back(self, order_id: str, terms: Terms) -> VenueOrder | None:
        """Cancel an order, and return what became of it; None when the venue no longer knows it."""
        asked = {"symbol": terms.symbol, "orderId": order_id}
        try:
            found = self._calls.ask("fapiPrivateDeleteOrder", asked, writes=True)
            return self._order(_object(found))
        except Final as err:
            if err.code not in GONE:
                raise
        except Unread:
            pass  # it was carried out; the look-up says what it was
        return self.order(terms, order_id=order_id)

    def clear(self, symbol: str) -> int:
        """Cancel everything of a symbol; the venue says no number, so what was listed just before is counted."""
        rows = 0
        with suppress(VenueFailed):  # never in the way of the cancel
            rows = len(self.resting(symbol)[0])
        self._calls.ask("fapiPrivateDeleteAllOpenOrders", {"symbol": symbol}, writes=True)
        return rows

    def clear_rest(self, done: Sequence[str]) -> int:
        """Cancel what the account's list still shows of other symbols."""
        rows = rows_of(self._calls.ask("fapiPrivateGetOpenOrders", {}), f"{NAME}: open orders")
        others = [str(row.get("symbol")) for row in rows if row.get("symbol") not in done]
        for symbol in sorted(set(others)):
            self._calls.ask("fapiPrivateDeleteAllOpenOrders", {"symbol": symbol}, writes=True)
        return len(others)

    def resting(self, symbol: str) -> tuple[list[VenueOrder], bool]:
        """Return the resting orders of a symbol, or with an empty one of the account, and whether all were read."""
        found = self._calls.ask("fapiPrivateGetOpenOrders", {"symbol": symbol} if symbol else {})
        return readable(rows_of(found, f"{NAME}: open orders"), self._order)

    # ---- trades --------------------------------------------------------------------------------------------------

    def fills_of(self, order_id: str, terms: Terms) -> list[VenueFill]:
        """Return the matches of one order."""
        found = self._calls.ask("fapiPrivateGetUserTrades", {"symbol": terms.symbol, "orderId": order_id})
        return readable(rows_of(found, f"{NAME}: trades"), self._fill)[0]

    def fills(self, symbols: Iterable[str], since_ns: int) -> tuple[list[VenueFill], bool]:
        """Return the matches of symbols since a time, and whether all were read."""
        done, complete = list[VenueFill](), True
        for symbol in symbols:
            rows, whole_ = self._trades(symbol, since_ns // MS)
            fills, read = readable(rows, self._fill)
            done, complete = done + fills, complete and whole_ and read
        return done, complete

    def _trades(self, symbol: str, since_ms: int) -> tuple[list[dict[str, object]], bool]:
        """Page by time, then by id; a time of more than a week ago is refused, so such a list begins with the first."""
        recent = self._calls.now_ms() - since_ms < WEEK_MS
        asked: dict[str, object] = {"startTime": since_ms} if recent else {"fromId": 0}
        done: list[dict[str, object]] = []
        for _ in range(PAGES_MAX):
            found = self._calls.ask("fapiPrivateGetUserTrades", {"symbol": symbol, **asked, "limit": PAGE})
            rows = rows_of(found, f"{NAME}: trades")
            done += rows
            if len(rows) < PAGE:
                return done, True
            asked = {"fromId": whole(rows[-1].get("id")) + 1}
        return done, False

    # ---- the account ---------------------------------------------------------------------------------------------

    def cash_micros(self) -> int:
        """Return the wallet's balance, without profits that are not realised."""
        rows = rows_of(self._calls.ask("fapiPrivateV3GetBalance", {}), f"{NAME}: balance")
        return next((held(exactly(row, "balance")) for row in rows if row.get("asset") == "USDT"), 0)

    def positions(self) -> tuple[list[tuple[str, int]], bool]:
        """Return (market, signed lots) of what is held, and whether all was read."""
        rows = rows_of(self._calls.ask("fapiPrivateV3GetPositionRisk", {}), f"{NAME}: positions")
        return readable(rows, self._position)

    def arm(self, symbols: Iterable[str]) -> None:
        """Begin each symbol's countdown anew, at whose end the venue cancels all of its orders."""
        for symbol in symbols:
            asked = {"symbol": symbol, "countdownTime": int(DEAD_MAN_S * 1_000)}
            try:
                self._calls.ask("fapiPrivatePostCountdownCancelAll", asked, writes=True)
            except Ambiguous as err:  # begun twice is begun once
                raise Retryable(str(err), err.code, 1.0) from None

    def one_way(self, terms: Terms) -> None:
        """Hold one position per symbol, not long and short apart."""
        del terms
        self._settle("fapiPrivatePostPositionSideDual", {"dualSidePosition": "false"})

    def set_leverage(self, terms: Terms, leverage: int, margin: str) -> int:
        """Set a symbol's margin and leverage; returns the leverage that the venue then has."""
        self._settle("fapiPrivatePostMarginType", {"symbol": terms.symbol, "marginType": MARGINS[margin]})
        asked = {"symbol": terms.symbol, "leverage": leverage}
        return whole(_object(self._settle("fapiPrivatePostLeverage", asked)).get("leverage"))

    def _settle(self, name: str, asked: Mapping[str, object]) -> object:
        """Ask for a setting, which may be asked for twice; one that is so already is no refusal."""
        try:
            return self._calls.ask(name, asked, writes=True)
        except Ambiguous as err:
            raise Retryable(str(err), err.code, 1.0) from None
        except Final as err:
            if err.code not in SAME:
                raise
            return {}

    # ---- rows ----------------------------------------------------------------------------------------------------

    def _order(self, row: Mapping[str, object]) -> VenueOrder:
        terms, side = self._markets.of(text(row, "symbol")), _side(row)
        status, order_id = text(row, "status"), str(whole(field(row, "orderId")))
        if status not in STATES:
            raise Unread("status")
        ours = text(row, "clientOrderId")
        self._names.keep(ours, order_id)
        price = ticks(micros(row, "price"), side, terms)
        size, filled = lots(micros(row, "origQty"), terms), lots(micros(row, "executedQty"), terms)
        detail = status if STATES[status] in (EXPIRED, REJECTED) else ""
        return VenueOrder(ours, order_id, terms.market_id, STATES[status], side, price, size, filled, detail)

    def _fill(self, row: Mapping[str, object]) -> VenueFill:
        terms, side, maker = self._markets.of(text(row, "symbol")), _side(row), row.get("maker")
        if not isinstance(maker, bool) or row.get("commissionAsset") != "USDT":
            raise Unread("maker, commissionAsset")
        order_id = str(whole(field(row, "orderId")))
        return VenueFill(
            str(whole(field(row, "id"))),
            order_id,
            self._names.ours(order_id) or self._asked_for(order_id, terms),
            terms.market_id,
            side,
            ticks(micros(row, "price"), side, terms),
            lots(micros(row, "qty"), terms),
            paid(exactly(row, "commission")),
            "maker" if maker else "taker",
            epoch_ns(whole(field(row, "time"))),
        )

    def _asked_for(self, order_id: str, terms: Terms) -> str:
        with suppress(VenueFailed):  # empty where not said: a fill is told all the same
            found = self.order(terms, order_id=order_id)
            return found.client_order_id if found is not None else ""
        return ""

    def _position(self, row: Mapping[str, object]) -> tuple[str, int]:
        terms, units = self._markets.of(text(row, "symbol")), micros(row, "positionAmt")
        size = lots(abs(units), terms)
        return terms.market_id, size if units > 0 else -size


def _side(row: Mapping[str, object]) -> int:
    side = SIDES.get(text(row, "side"))
    if side is None:
        raise Unread("side")
    return side


def _object(found: object) -> dict[str, object]:
    return found if isinstance(found, dict) else {}
