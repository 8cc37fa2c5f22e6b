"""Speak to Bitget's USDT-margined futures (v2): what is asked for, and how orders, fills and positions are read.

An order is answered with its ids alone, and one that only reduces sometimes without the venue's: what became of it
(post-only that would take, too) is read at once. Lists are of the whole product, in pages from the newest. Whether a
client id is refused for good or only while its order is open is not documented for these futures, so the second is
assumed. No dead man's switch is documented, and ccxt knows none. A size has no sign: `holdSide` says which way it goes.

Source: facts on perpetuals through ccxt, §3, §4, §8, §9, §10, §13; ccxt 4.5.90, `bitget`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from connectors.venue import (
    CANCELLED,
    FILLED,
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

NAME = "bitget"
PRODUCT: Mapping[str, str] = {"productType": "USDT-FUTURES"}
COIN: Mapping[str, str] = {**PRODUCT, "marginCoin": "USDT"}
PAGE, PAGES_MAX, MS = 100, 100, 1_000_000
DUPLICATE, GONE, NOTHING = "40786", ("22001", "40109", "40768", "43001"), "22001"
SIDES = {"buy": 1, "sell": -1}
STATES = {"live": RESTING, "partially_filled": RESTING, "filled": FILLED, "canceled": CANCELLED}
MARGINS = {"cross": "crossed", "isolated": "isolated"}


def read_clock(found: object) -> int:
    """Return the venue's time in milliseconds; raises Unread."""
    return whole(field(_data(found), "serverTime"))


CLOCK = ("publicCommonGetV2PublicTime", read_clock)


class Bitget:
    """The dialect, for one account that holds one position per symbol."""

    venue_id = NAME
    # Ten cancels a second per account; a request is accepted for about 30 s, which nobody has verified: doubled.
    can = Abilities(
        finds_by_client_id=True,
        refuses_repeats=False,
        dead_man_s=0.0,
        cancel_batch=1,
        cancels_per_s=10.0,
        window_ms=60_000,
    )
    duplicate = DUPLICATE
    lists_by_symbol = False

    def __init__(self, calls: Calls, markets: Markets, names: Names) -> None:
        """Take who asks, and what is known of markets and orders."""
        self._calls, self._markets, self._names = calls, markets, names

    # ---- orders --------------------------------------------------------------------------------------------------

    def wanted(self, body: Mapping[str, Value], margin: str) -> dict[str, Value]:
        """Return what the request of an order must be."""
        only = {"reduceOnly": "YES"} if body["reduceOnly"] else {}
        return {
            "symbol": body["symbol"],
            **COIN,
            "marginMode": MARGINS[margin],
            "orderType": "limit",
            "side": body["side"],
            "price": body["price"],
            "size": body["amount"],
            "force": "post_only" if body["postOnly"] else body["timeInForce"],
            "clientOid": body["clientOrderId"],
            **only,
        }

    def send(self, request: Mapping[str, object], order: PlannedOrder, terms: Terms) -> VenueOrder:
        """Send an order that was built, and read what became of it; accepted and not readable yet, it rests."""
        said = _data(self._calls.ask("privateMixPostV2MixOrderPlaceOrder", request, writes=True))
        ours, theirs = order.client_order_id, said.get("orderId")
        try:
            found = self.order(terms, client_order_id=ours)
        except VenueFailed:
            found = None
        if found is not None:
            return found
        if not isinstance(theirs, str) or not theirs:
            raise Ambiguous(f"{NAME}: order {ours}: accepted, and not yet seen", "unseen")
        self._names.keep(ours, theirs)
        return VenueOrder(ours, theirs, terms.market_id, RESTING, order.side, order.price_ticks, order.size_lots, 0)

    def order(self, terms: Terms, *, order_id: str = "", client_order_id: str = "") -> VenueOrder | None:
        """Look an order up by either id, closed ones too; None when the venue has none."""
        named = {"orderId": order_id} if order_id else {"clientOid": client_order_id}
        try:
            found = self._calls.ask("privateMixGetV2MixOrderDetail", {"symbol": terms.symbol, **PRODUCT, **named})
            return self._order(_data(found))
        except Final as err:
            if err.code in GONE:
                return None
            raise
        except Unread as err:
            raise Retryable(f"{NAME}: {order_id or client_order_id}: {err} cannot be read", "unreadable", 1.0) from None

    def take_back(self, order_id: str, terms: Terms) -> VenueOrder | None:
        """Cancel an order, and read what became of it; None when the venue no longer knows it."""
        asked = {"symbol": terms.symbol, **COIN, "orderId": order_id}
        try:
            self._calls.ask("privateMixPostV2MixOrderCancelOrder", asked, writes=True)
        except Final as err:
            if err.code not in GONE:
                raise
        return self.order(terms, order_id=order_id)

    def clear(self, symbol: str) -> int:
        """Cancel everything of a symbol; returns how many the venue says are gone."""
        return self._cleared("privateMixPostV2MixOrderBatchCancelOrders", {"symbol": symbol, **COIN})

    def clear_rest(self, done: Sequence[str]) -> int:
        """Cancel everything that is left of the product, in one request; ccxt waits a second before it."""
        del done
        return self._cleared("privateMixPostV2MixOrderCancelAllOrders", COIN)

    def _cleared(self, name: str, asked: Mapping[str, object]) -> int:
        try:
            rows = _data(self._calls.ask(name, asked, writes=True)).get("successList")
        except Final as err:
            if err.code != NOTHING:
                raise
            return 0
        return len(rows) if isinstance(rows, list) else 0

    def resting(self, symbol: str) -> tuple[list[VenueOrder], bool]:
        """Return the resting orders of a symbol, or with an empty one of the account, and whether all were read."""
        asked = {**PRODUCT} | ({"symbol": symbol} if symbol else {})
        rows, complete = self._pages("privateMixGetV2MixOrderOrdersPending", "entrustedList", asked)
        done, read = readable(rows, self._order)
        return done, complete and read

    # ---- fills ---------------------------------------------------------------------------------------------------

    def fills_of(self, order_id: str, terms: Terms) -> list[VenueFill]:
        """Return the matches of one order."""
        asked = {"symbol": terms.symbol, **PRODUCT, "orderId": order_id}
        return readable(self._pages("privateMixGetV2MixOrderFills", "fillList", asked)[0], self._fill)[0]

    def fills(self, symbols: Iterable[str], since_ns: int) -> tuple[list[VenueFill], bool]:
        """Return the matches of the account since a time, and whether all were read."""
        del symbols

        def old(row: Mapping[str, object]) -> bool:
            return epoch_ns(whole(field(row, "cTime"))) < since_ns

        rows, complete = self._pages("privateMixGetV2MixOrderFills", "fillList", PRODUCT, old)
        done, read = readable(rows, self._fill)
        return done, complete and read

    # ---- the account ---------------------------------------------------------------------------------------------

    def cash_micros(self) -> int:
        """Return the account's money without profits that are not realised."""
        found = self._calls.ask("privateMixGetV2MixAccountAccounts", PRODUCT)
        rows = rows_of(found.get("data") if isinstance(found, dict) else None, f"{NAME}: accounts")
        own = [row for row in rows if row.get("marginCoin") == "USDT"]
        return sum(held(exactly(row, "accountEquity") - exactly(row, "unrealizedPL")) for row in own)

    def positions(self) -> tuple[list[tuple[str, int]], bool]:
        """Return (market, signed lots) of what is held, and whether all was read."""
        found = self._calls.ask("privateMixGetV2MixPositionAllPosition", COIN)
        data = found.get("data") if isinstance(found, dict) else None
        return readable(rows_of(data, f"{NAME}: positions"), self._position)

    def arm(self, symbols: Iterable[str]) -> None:
        """Do nothing: the venue has no dead man's switch that is documented."""

    def one_way(self, terms: Terms) -> None:
        """Hold one position per symbol; asked first, since a change is refused while anything is held or rests."""
        found = _data(self._calls.ask("privateMixGetV2MixAccountAccount", {"symbol": terms.symbol, **COIN}))
        if found.get("posMode") != "one_way_mode":
            self._settle("privateMixPostV2MixAccountSetPositionMode", {**PRODUCT, "posMode": "one_way_mode"})

    def set_leverage(self, terms: Terms, leverage: int, margin: str) -> int:
        """Set a symbol's margin and leverage; returns the leverage that the venue then has."""
        asked = {"symbol": terms.symbol, **COIN}
        self._settle("privateMixPostV2MixAccountSetMarginMode", {**asked, "marginMode": MARGINS[margin]})
        said = self._settle("privateMixPostV2MixAccountSetLeverage", {**asked, "leverage": str(leverage)})
        sides = {whole(said.get(name)) for name in ("longLeverage", "shortLeverage")}
        return sides.pop() if len(sides) == 1 else 0

    def _settle(self, name: str, asked: Mapping[str, object]) -> dict[str, object]:
        """Ask for a setting, which may be asked for twice."""
        try:
            return _data(self._calls.ask(name, asked, writes=True))
        except Ambiguous as err:
            raise Retryable(str(err), err.code, 1.0) from None

    # ---- rows ----------------------------------------------------------------------------------------------------

    def _pages(
        self,
        name: str,
        rows_in: str,
        asked: Mapping[str, object],
        over: Callable[[Mapping[str, object]], bool] | None = None,
    ) -> tuple[list[dict[str, object]], bool]:
        """Return the rows of every page, up to the first that is `over`; an interrupted list is not complete."""
        done: list[dict[str, object]] = []
        cursor: dict[str, object] = {}
        for number in range(PAGES_MAX):
            try:
                data = _data(self._calls.ask(name, {**asked, "limit": str(PAGE), **cursor}))
                rows = rows_of(data.get(rows_in) or [], f"{NAME}: {rows_in}")
            except Retryable:
                if not number:
                    raise
                return done, False
            done += rows
            end = data.get("endId")
            if len(rows) < PAGE or not end or (over is not None and over(rows[-1])):
                return done, True
            cursor = {"idLessThan": str(end)}
        return done, False

    def _order(self, row: Mapping[str, object]) -> VenueOrder:
        terms, side, order_id = self._markets.of(text(row, "symbol")), _side(row), text(row, "orderId")
        state = STATES.get(str(row.get("state") or row.get("status")))
        if state is None:
            raise Unread("state")
        ours = str(row.get("clientOid") or "")
        self._names.keep(ours, order_id)
        price = ticks(micros(row, "price"), side, terms)
        size, filled = lots(micros(row, "size"), terms), lots(micros(row, "baseVolume"), terms)
        detail = str(row.get("cancelReason") or "") if state == CANCELLED else ""
        return VenueOrder(ours, order_id, terms.market_id, state, side, price, size, filled, detail)

    def _fill(self, row: Mapping[str, object]) -> VenueFill:
        terms, side, order_id = self._markets.of(text(row, "symbol")), _side(row), text(row, "orderId")
        scope = text(row, "tradeScope")
        if scope not in ("maker", "taker"):
            raise Unread("tradeScope")
        ours = str(row.get("clientOid") or self._names.ours(order_id))
        return VenueFill(
            text(row, "tradeId"),
            order_id,
            ours or self._asked_for(order_id, terms),
            terms.market_id,
            side,
            ticks(micros(row, "price"), side, terms),
            lots(micros(row, "baseVolume"), terms),
            _fee(row),
            scope,
            epoch_ns(whole(field(row, "cTime"))),
        )

    def _asked_for(self, order_id: str, terms: Terms) -> str:
        try:
            found = self.order(terms, order_id=order_id)
        except VenueFailed:  # empty where not said: a fill is told all the same
            return ""
        return found.client_order_id if found is not None else ""

    def _position(self, row: Mapping[str, object]) -> tuple[str, int]:
        terms, way = self._markets.of(text(row, "symbol")), text(row, "holdSide")
        if way not in ("long", "short"):
            raise Unread("holdSide")
        size = lots(micros(row, "total"), terms)
        return terms.market_id, size if way == "long" else -size


def _side(row: Mapping[str, object]) -> int:
    """Return 1 or -1; where long and short are held apart, the side of a close names the position, not the way."""
    side = SIDES.get(text(row, "side"))
    if side is None:
        raise Unread("side")
    closes = row.get("posMode") == "hedge_mode" and str(row.get("tradeSide")).lower() == "close"
    return -side if closes else side


def _fee(row: Mapping[str, object]) -> int:
    """Return what was paid, in millionths; the venue states a payment below zero."""
    parts = field(row, "feeDetail")
    rows = [each for each in parts if isinstance(each, dict)] if isinstance(parts, list) else []
    if not rows or any(each.get("feeCoin") != "USDT" for each in rows):
        raise Unread("feeDetail")
    return paid(-sum((exactly(each, "totalFee") for each in rows), Decimal(0)))


def _data(found: object) -> dict[str, object]:
    data = found.get("data") if isinstance(found, dict) else None
    return data if isinstance(data, dict) else {}
