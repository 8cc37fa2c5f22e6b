"""Remember what the own books said at each moment, and find where a venue or a chain says otherwise.

    difference   theirs - ours, with ours as the books stood when theirs was taken
    SETTLEMENT   a position's difference d is explained by fills that are matched and not settled, -buys <= d <= sells,
                 and is as old as the oldest of the newest fills that explain it; or the market is over
    GHOST_FILL   d takes exactly one own fill back, or the newest of them together
    MISSING_FILL any other difference of a position
    ORPHAN_ORDER an order that only one side knows
    CASH         money that neither fills in settlement nor what is to be redeemed explain

A market of separate tokens is compared over both outcomes: what they have of one less what they have of the other. A
fill is matched when the venue says so, and settled when it is final; the two are apart on a chain only. An order is
expected in a list LAG_NS after it rests, and may still be in one LAG_NS after its end; one that waits for an answer, or
that nobody knows of, may be listed or not. Sizes in lots, money in micros, a unit in trillionths per lot.
Source: catalogue rule of gov.reconciler; the ladder of a match as in exec.order_lifecycle_manager.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from bots.maths import balances
from bots.maths.balances import Books
from bots.maths.breaks import (
    CASH,
    DISABLED,
    GHOST_FILL,
    MISSING_FILL,
    ORPHAN_ORDER,
    OVER,
    SETTLEMENT,
    UNVALUED,
    Difference,
)
from bots.maths.chain_views import Provider
from bots.maths.notional import MILLION, loss, unit_risk
from bots.maths.order_states import is_final
from bots.maths.ordered import drop, find, put
from bots.maths.outlays import is_separate
from contracts.market import Kind, MarketDefinition
from contracts.order import LIVE_STATES, AccountSnapshot, Fill, OrderUpdate, PositionState, VenueOrderEvent

LAG_NS = 5_000_000_000
FILLS_MAX, PAST_MAX, ORDERS_MAX = 256, 256, 4_096
CONFIRM_BLOCKS = 5
RESTING = frozenset({"LIVE", "PARTIAL"})


class Market(Struct, frozen=True, gc=False):
    """What must be known of a market to judge a difference in it; `other` is its complement's id where tokens are."""

    lot_micros: int = 0
    is_binary: bool = True
    price_micros: int = 0
    is_on_chain: bool = False
    other: str = ""
    expiry_ns: int = 0
    is_over: bool = False


class OwnOrder(Struct, frozen=True, gc=False):
    """One own order: when it came to rest and ended (0: does not), the venue's name for it, and what it may take."""

    venue_order_id: str
    rests_ns: int
    ended_ns: int
    micros: int


class Booking(Struct, frozen=True, gc=False):
    """One own fill: signed lots, what it moved at most in micros, and where it stands on the second axis."""

    key: str
    market_id: str
    lots: int
    micros: int
    at_ns: int
    is_settled: bool
    failed_ns: int = 0


class Ledger(Struct, frozen=True, gc=False):
    """The own side: markets, orders and newest fills, the books, and the books after each of their last changes."""

    market_ids: tuple[str, ...] = ()
    markets: tuple[Market, ...] = ()
    order_ids: tuple[str, ...] = ()
    orders: tuple[OwnOrder, ...] = ()
    fills: tuple[Booking, ...] = ()
    books: Books = Books()
    past: tuple[tuple[int, Books], ...] = ((0, Books()),)


# ---- what the own side hears ---------------------------------------------------------------------------------------


def held(ledger: Ledger, position: PositionState, definition: MarketDefinition, now: int) -> Ledger:
    """Return the ledger after a position changed; a new mark alone changes nothing."""
    books = balances.entered(ledger.books, position, definition)
    if books == ledger.books:
        return ledger
    known = _known(ledger, definition, 0)
    return replace(known, books=books, past=(*known.past[1 - PAST_MAX :], (now, books)))


def ordered(ledger: Ledger, update: OrderUpdate, definition: MarketDefinition, now: int) -> Ledger:
    """Return the ledger after an order moved; what ended is kept until a list is later than its end."""
    place = find(ledger.order_ids, update.client_order_id)
    before = ledger.orders[place] if place >= 0 else OwnOrder("", 0, 0, 0)
    lives = update.state in LIVE_STATES
    if not lives and len(ledger.orders) >= ORDERS_MAX:
        return _dropped(ledger, place)
    micros = loss(unit_risk(definition, update.side, update.price_ticks), update.size_lots - update.filled_lots)
    rests_ns = (before.rests_ns or now) if update.state in RESTING else 0
    order = OwnOrder(update.venue_order_id or before.venue_order_id, rests_ns, 0 if lives else now, micros)
    known = _known(ledger, definition, update.price_ticks * definition.tick_micros)
    ids = known.order_ids if place >= 0 else put(known.order_ids, place, update.client_order_id)
    return replace(known, order_ids=ids, orders=put(known.orders, place, order))


def filled(ledger: Ledger, fill: Fill, definition: MarketDefinition, now: int) -> Ledger:
    """Return the ledger after a match, once."""
    key = f"{fill.trade_id}|{fill.client_order_id}"
    if any(known.key == key for known in ledger.fills):
        return ledger
    price = fill.price_ticks * fill.tick_micros
    known = _known(ledger, definition, price)
    micros = loss(_unit(_market(known, fill.market_id)), fill.size_lots)
    booking = Booking(key, fill.market_id, fill.side * fill.size_lots, micros, now, fill.settled)
    return replace(known, fills=(*known.fills[1 - FILLS_MAX :], booking))


def over(ledger: Ledger, definition: MarketDefinition) -> Ledger:
    """Return the ledger after a market was settled: what a chain still shows of it is to be redeemed."""
    known = _known(ledger, definition, 0)
    place = find(known.market_ids, definition.market_id)
    return replace(known, markets=put(known.markets, place, replace(known.markets[place], is_over=True)))


def settled(ledger: Ledger, event: VenueOrderEvent, now: int) -> Ledger:
    """Return the ledger after the venue's word on a match that was heard before: final, or failed."""
    failed, key = event.detail == "FAILED", f"{event.trade_id}|{event.client_order_id}"
    if event.event != "MATCH" or not (failed or is_final(event.detail, CONFIRM_BLOCKS)):
        return ledger
    for place, known in enumerate(ledger.fills):
        if known.key == key and not known.is_settled and not known.failed_ns:
            after = replace(known, is_settled=not failed, failed_ns=now if failed else 0)
            return replace(ledger, fills=put(ledger.fills, place, after))
    return ledger


def books_at(ledger: Ledger, at_ns: int) -> Books | None:
    """Return the books as they stood at a time; None when that is longer ago than is remembered."""
    return next((books for since, books in reversed(ledger.past) if since <= at_ns), None)


def trades_on_chain(ledger: Ledger) -> bool:
    """True when a market of separate tokens was ever ordered or held."""
    return any(market.is_on_chain for market in ledger.markets)


def pruned(ledger: Ledger, taken_ns: int) -> Ledger:
    """Return the ledger without orders that ended before any list that is still to come could show them."""
    kept = [place for place, order in enumerate(ledger.orders) if not 0 < order.ended_ns < taken_ns - LAG_NS]
    if len(kept) == len(ledger.orders):
        return ledger
    ids, orders = ledger.order_ids, ledger.orders
    return replace(ledger, order_ids=tuple(ids[place] for place in kept), orders=tuple(orders[place] for place in kept))


# ---- differences ---------------------------------------------------------------------------------------------------


def venue_differences(
    ledger: Ledger, account: AccountSnapshot, books: Books, start_micros: int | None, is_disabled: bool
) -> list[Difference]:
    """Return how a venue's account differs from the books of its time; without a start, cash is not compared."""
    at_ns = account.taken_ns
    positions = position_differences(ledger, account.positions, books, at_ns, is_chain=False, is_disabled=is_disabled)
    found = [*order_differences(ledger, account, is_disabled), *positions]
    if start_micros is not None:
        own = balances.own_cash(books, start_micros)
        found += cash_difference(ledger, account.cash_micros, own, at_ns, positions)
    return found


def chain_differences(
    ledger: Ledger, view: Provider, books: Books, start_micros: int | None, is_disabled: bool
) -> list[Difference]:
    """Return how a chain differs from the books of its time; pairs count as the cash that the books made of them."""
    said = view.said
    found = position_differences(ledger, said.tokens, books, said.at_ns, is_chain=True, is_disabled=is_disabled)
    if start_micros is not None and trades_on_chain(ledger):
        cash, _ = balances.chain_cash((view,), books, ())
        found += cash_difference(ledger, cash, balances.own_cash(books, start_micros), said.at_ns, found)
    return found


def order_differences(ledger: Ledger, account: AccountSnapshot, is_disabled: bool) -> list[Difference]:
    """Return the orders that only one side knows; of a disabled desk every order."""
    at_ns, found = account.taken_ns, []
    own = dict(zip(ledger.order_ids, ledger.orders, strict=True))
    names = {order.venue_order_id: name for name, order in own.items() if order.venue_order_id}
    listed = {names.get(name, name) for name in account.open_orders}
    for name in sorted(listed):
        order = own.get(name)
        if is_disabled or order is None or 0 < order.ended_ns < at_ns - LAG_NS:
            cause = DISABLED if is_disabled else "the own books have no such living order"
            unit = order.micros * MILLION if order is not None and order.micros else UNVALUED
            found.append(Difference(f"order:{name}", ORPHAN_ORDER, 1, unit, 0, 1, cause, is_proven=is_disabled))
    for name, order in own.items():
        rests = not order.ended_ns and 0 < order.rests_ns <= at_ns - LAG_NS
        if rests and name not in listed:
            cause = "the venue does not list it: its end, or a fill, was not heard"
            found.append(Difference(f"order:{name}", ORPHAN_ORDER, -1, order.micros * MILLION, 1, 0, cause))
    return found


def position_differences(
    ledger: Ledger, theirs: Iterable[tuple[str, int]], books: Books, at_ns: int, *, is_chain: bool, is_disabled: bool
) -> list[Difference]:
    """Return the positions that differ; a chain is compared where tokens are, and what it does not name it has not."""
    roots, found = _roots(ledger), []
    shown = _net(theirs, roots)
    own = _net(((name, lots) for name, lots in balances.held(books).items()), roots)
    if is_chain:
        own = {name: lots for name, lots in own.items() if _market(ledger, name).is_on_chain}
    for name in sorted(shown.keys() | own.keys()):
        market, has, ours = _market(ledger, name), shown.get(name, 0), own.get(name, 0)
        if is_disabled and has:
            subject = f"position:{name}"
            found.append(Difference(subject, MISSING_FILL, has, _unit(market), 0, has, DISABLED, is_proven=True))
            continue
        fills = [_signed(fill, roots) for fill in ledger.fills if fill.at_ns <= at_ns]
        mine = [fill for fill in fills if fill.market_id == name]
        apart = has - ours
        reversed_lots = sum(fill.lots for fill in mine if fill.failed_ns)
        if apart and apart != -reversed_lots:
            word, cause, first_ns = _explained(apart, mine, market, at_ns)
            unit = market.lot_micros * MILLION if cause == OVER and market.is_binary else _unit(market)  # it may pay 1
            found.append(Difference(f"position:{name}", word, apart, unit, ours, has, cause, first_ns))
    return found


def failed_fills(ledger: Ledger) -> list[Difference]:
    """Return the fills that the venue has taken back and the own books still hold: its word is proof."""
    return [
        Difference(
            f"fill:{fill.key}",
            GHOST_FILL,
            -fill.lots,
            fill.micros * MILLION // max(1, abs(fill.lots)),
            fill.lots,
            0,
            f"the venue failed it in {fill.market_id}",
            fill.at_ns,
            is_proven=True,
        )
        for fill in ledger.fills
        if fill.failed_ns
    ]


def forgiven(ledger: Ledger, account: AccountSnapshot, books: Books, settle_ns: int) -> Ledger:
    """Return the ledger without failed fills that the venue's positions show all the same, long after they failed."""
    roots = _roots(ledger)
    shown, own = _net(account.positions, roots), _net(balances.held(books).items(), roots)
    kept = []
    for fill in ledger.fills:
        name = roots.get(fill.market_id, (fill.market_id, 1))[0]
        agrees = shown.get(name, 0) == own.get(name, 0)
        if not (fill.failed_ns and agrees and account.taken_ns > fill.failed_ns + settle_ns):
            kept.append(fill)
    return ledger if len(kept) == len(ledger.fills) else replace(ledger, fills=tuple(kept))


def cash_difference(
    ledger: Ledger, theirs: int, ours: int, at_ns: int, positions: Iterable[Difference]
) -> list[Difference]:
    """Return what cash differs by beyond what is still being settled; empty when it does not."""
    open_fills = sum(fill.micros for fill in ledger.fills if not fill.is_settled and fill.at_ns <= at_ns)
    unpaid = sum(
        loss(max(0, one.unit), abs(one.amount)) for one in positions if one.word == SETTLEMENT and not one.first_ns
    )
    apart = theirs - ours
    beyond = max(0, abs(apart) - open_fills - unpaid)
    if not beyond:
        return []
    cause = "no fill, fee, funding or settlement in the own books explains it"
    return [Difference("cash", CASH, beyond if apart > 0 else -beyond, MILLION, ours, theirs, cause)]


# ---- one market ----------------------------------------------------------------------------------------------------


def _explained(apart: int, fills: list[Booking], market: Market, at_ns: int) -> tuple[str, str, int]:
    """Return (word, cause, since when it is explained; 0 without) of a position's difference."""
    bought = sold = number = 0
    for fill in reversed(fills):
        if fill.is_settled or fill.failed_ns:
            continue
        bought, sold, number = bought + max(0, fill.lots), sold + max(0, -fill.lots), number + 1
        if -bought <= apart <= sold:
            return SETTLEMENT, f"{number} fills are matched and not settled", fill.at_ns
    together = 0
    for fill in reversed(fills):
        together += fill.lots
        if together == -apart or fill.lots == -apart:
            return GHOST_FILL, f"the own books alone have {fill.key}", 0
    if market.is_over or 0 < market.expiry_ns <= at_ns:
        return SETTLEMENT, OVER, 0
    return MISSING_FILL, "no fill in the own books explains it", 0


def _unit(market: Market) -> int:
    """Return what one lot may be worth, in trillionths: a binary's dearer outcome; UNVALUED where nobody said."""
    if not market.lot_micros or not (market.is_binary or market.price_micros):
        return UNVALUED
    price = min(market.price_micros, MILLION) if market.is_binary else market.price_micros
    return market.lot_micros * (max(price, MILLION - price) if market.is_binary else price)


def _market(ledger: Ledger, name: str) -> Market:
    place = find(ledger.market_ids, name)
    return ledger.markets[place] if place >= 0 else Market()


def _known(ledger: Ledger, definition: MarketDefinition, price_micros: int) -> Ledger:
    """Return the ledger with a market's terms, and its newest price where one is given."""
    place = find(ledger.market_ids, definition.market_id)
    before = ledger.markets[place] if place >= 0 else Market()
    separate = is_separate(definition)
    market = Market(
        definition.lot_micros,
        definition.instrument_kind == Kind.BINARY,
        price_micros or before.price_micros,
        separate,
        definition.complement_id if separate else "",
        definition.expiry_ns,
        before.is_over,
    )
    if place >= 0 and market == before:
        return ledger
    ids = ledger.market_ids if place >= 0 else put(ledger.market_ids, place, definition.market_id)
    return replace(ledger, market_ids=ids, markets=put(ledger.markets, place, market))


def _dropped(ledger: Ledger, place: int) -> Ledger:
    if place < 0:
        return ledger
    return replace(ledger, order_ids=drop(ledger.order_ids, place), orders=drop(ledger.orders, place))


def _roots(ledger: Ledger) -> dict[str, tuple[str, int]]:
    """Return, for each outcome, the market under which both outcomes are netted, and the sign it counts with."""
    roots: dict[str, tuple[str, int]] = {}
    for name, market in zip(ledger.market_ids, ledger.markets, strict=True):
        if name not in roots:  # ids are sorted: of two known outcomes the smaller is the root
            roots[name] = (name, 1)
            if market.other:
                roots[market.other] = (name, -1)
    return roots


def _net(lots: Iterable[tuple[str, int]], roots: Mapping[str, tuple[str, int]]) -> dict[str, int]:
    nets: dict[str, int] = {}
    for name, size in lots:
        root, sign = roots.get(name, (name, 1))
        nets[root] = nets.get(root, 0) + sign * size
    return nets


def _signed(fill: Booking, roots: Mapping[str, tuple[str, int]]) -> Booking:
    root, sign = roots.get(fill.market_id, (fill.market_id, 1))
    return fill if root == fill.market_id else replace(fill, market_id=root, lots=sign * fill.lots)
