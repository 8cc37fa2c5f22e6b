"""Keep what a desk holds and what rests of it, with the terms of each entry, so that limits count both.

A fold over what a desk hears of itself: an approved intent gives the terms, an authorised order rests from that moment,
each update says what is left of it, each position says what it became.

    cost of an order = loss(unit + fee, open lots) + rounding of the fee

Fees are the dearer of maker's and taker's, rounded up at the venue's steps. Amounts in micros, sizes in lots. Source:
catalogue rules of risk.entry_policy and risk.capital_allocator; the formulas of fees stand in bots/maths/fees.py.
"""

from msgspec import Struct
from msgspec.structs import replace

from bots.maths.fees import KNOWN, LINEAR, MILLION, QUADRATIC
from bots.maths.notional import loss, unit_risk
from bots.maths.ordered import NO_NAMES, find, put
from bots.maths.positions import worst_loss
from contracts.intent import ENTRY, WITHDRAW, ApprovedIntent
from contracts.market import MarketDefinition
from contracts.order import PLACE, Account, AuthorisedOrder, OrderUpdate, PositionState

UNKNOWN, CERTAIN, NEVER = "UNKNOWN", 1_000, -1
ASKED_MAX = 32
POSITION_AGE_NS = 60_000_000_000  # the catalogue's freshness of PositionState
IN_DOUBT = frozenset({"PENDING_SUBMIT", "REJECTED", "UNKNOWN"})


class Terms(Struct, frozen=True, gc=False):
    """On which terms something was entered; where nobody knows, nothing beats its confidence (thousandths)."""

    kind: str = ""
    confidence_milli: int = CERTAIN
    regime: str = UNKNOWN
    bundle_id: str = ""


class Holding(Struct, frozen=True, gc=False):
    """A position: its signed size, what it may lose, its last entry's terms, and how often it was added to.

    `turn` are the terms of an order that works against it, should that take it through zero.
    """

    market_id: str
    size_lots: int
    notional_micros: int
    terms: Terms = Terms()
    scale_ins: int = 0
    strategy: str = ""
    turn: Terms = Terms()


class Resting(Struct, frozen=True, gc=False):
    """An order that may still be filled, and what its open part may cost, fees included.

    `filled`: a part of it is a position already, so it is no position of its own any more.
    """

    client_order_id: str
    market_id: str
    strategy: str
    side: int
    open_lots: int
    notional_micros: int
    terms: Terms = Terms()
    reduce_only: bool = False
    accepted: bool = False
    filled: int = 0


class Asked(Struct, frozen=True, gc=False):
    """An approved intent whose orders may still come."""

    intent_id: str
    terms: Terms


class Ledger(Struct, frozen=True, gc=False):
    """All of it, and when an ENTRY was last accepted: anywhere, and by market."""

    holdings: tuple[Holding, ...] = ()
    orders: tuple[Resting, ...] = ()
    asked: tuple[Asked, ...] = ()
    traded_ns: int = NEVER
    trades: tuple[tuple[str, ...], tuple[int, ...]] = NO_NAMES


# ---- what it costs ------------------------------------------------------------------------------------------------


def costs(definition: MarketDefinition, side: int, price_ticks: int) -> tuple[int, int, int]:
    """Return an order's cost per lot, its fee per lot (both in trillionths), and what roundings may add, in micros."""
    fee, price, lot = definition.fee, price_ticks * definition.tick_micros, definition.lot_micros
    rate, unit = max(fee.maker_rate_micros, fee.taker_rate_micros, 0), unit_risk(definition, side, price_ticks)
    exact = 0
    if fee.formula == QUADRATIC:
        exact = -(-rate * lot * price * (MILLION - price) // 10**12)
    elif fee.formula == LINEAR:
        exact = -(-rate * lot * price // MILLION)
    if not exact:
        return unit, 0, 0
    rounding = max(1, fee.round_up_micros) + fee.round_near_micros
    return unit, exact, rounding + (fee.balance_micros if fee.balance_micros > 1 else 0)


def knows_fee(definition: MarketDefinition) -> bool:
    """True when the venue's fee is known; an unknown one is not free."""
    return definition.fee.formula in KNOWN


def committed(definition: MarketDefinition, side: int, price_ticks: int, lots: int) -> int:
    """Return the most that an order of so many lots may cost, fees included, in micros."""
    if lots <= 0:
        return 0
    unit, fee, rounding = costs(definition, side, price_ticks)
    return loss(unit + fee, lots) + rounding


# ---- what happens -------------------------------------------------------------------------------------------------


def approved(ledger: Ledger, said: ApprovedIntent, regime: str) -> Ledger:
    """Note the terms of an intent that may be executed, until its orders come; a withdrawal has none."""
    wish = said.intent
    if wish.intent_kind == WITHDRAW:
        return ledger
    terms = Terms(wish.intent_kind, wish.confidence_milli, regime, wish.bundle_id)
    return replace(ledger, asked=(*ledger.asked[1 - ASKED_MAX :], Asked(wish.intent_id, terms)))


def after(
    ledger: Ledger,
    event: AuthorisedOrder | OrderUpdate | PositionState,
    definition: MarketDefinition,
    now: int,
    keep_ns: int,
) -> Ledger:
    """Return the ledger after an event; the same object when nothing that counts has changed."""
    if isinstance(event, PositionState):
        return became(ledger, event, definition)
    if isinstance(event, OrderUpdate):
        return heard(ledger, event, definition, now, keep_ns)
    return sent(ledger, event, definition)


def sent(ledger: Ledger, order: AuthorisedOrder, definition: MarketDefinition) -> Ledger:
    """Enter an order from the moment at which it may leave."""
    child = order.child
    if child.action != PLACE or _order(ledger, child.client_order_id) is not None:
        return ledger
    terms = next((one.terms for one in reversed(ledger.asked) if one.intent_id == order.intent_id), Terms())
    cost = committed(definition, child.side, child.price_ticks, child.size_lots)
    head = (child.client_order_id, child.market_id, order.strategy, child.side, child.size_lots, cost, terms)
    return replace(ledger, orders=(*ledger.orders, Resting(*head, child.reduce_only)))


def heard(ledger: Ledger, update: OrderUpdate, definition: MarketDefinition, now: int, keep_ns: int) -> Ledger:
    """Take in what is left of an order; its acceptance is a trade, remembered for `keep_ns`, its match an entry."""
    left, known = update.open_lots, _order(ledger, update.client_order_id)
    if known is None:
        if not left:
            return ledger
        head = (update.client_order_id, update.market_id, update.strategy, update.side, 0, 0)
        known = Resting(*head, Terms(), update.reduce_only)
    taken = known.accepted or update.filled_lots > 0
    taken = taken or (update.state not in IN_DOUBT and (update.venue_order_id != "" or update.state == "LIVE"))
    cost = known.notional_micros
    if left != known.open_lots:
        cost = committed(definition, update.side, update.price_ticks, left)
    fresh = replace(known, open_lots=left, notional_micros=cost, accepted=taken, filled=update.filled_lots)
    if fresh == known:
        return ledger
    if taken and not known.accepted and known.terms.kind == ENTRY:
        ledger = _traded(ledger, update.market_id, now, keep_ns)
    if update.filled_lots > known.filled and not known.reduce_only:
        ledger = _entered(ledger, known)
    others = tuple([order for order in ledger.orders if order.client_order_id != known.client_order_id])
    return replace(ledger, orders=(*others, fresh) if left else others)


def became(ledger: Ledger, position: PositionState, definition: MarketDefinition) -> Ledger:
    """Take in what is held of a market; a mark alone changes nothing. A turn through zero is a new entry."""
    size, held = position.size_lots, ledger.holdings
    binary = definition.instrument_kind == 0
    worst = worst_loss(size, position.cost_micros, definition.lot_micros, binary)
    for place, old in enumerate(held):
        if old.market_id != position.market_id:
            continue
        if old.size_lots == size and old.notional_micros == worst and size:
            return ledger
        if not size:
            return replace(ledger, holdings=held[:place] + held[place + 1 :])
        fresh = replace(old, size_lots=size, notional_micros=worst)
        if old.size_lots * size < 0:
            fresh = Holding(old.market_id, size, worst, old.turn, 0, old.strategy)
        return replace(ledger, holdings=put(held, place, fresh))
    if not size:
        return ledger
    return replace(ledger, holdings=(*held, Holding(position.market_id, size, worst)))


def _order(ledger: Ledger, client_order_id: str) -> Resting | None:
    for order in ledger.orders:
        if order.client_order_id == client_order_id:
            return order
    return None


def _traded(ledger: Ledger, market_id: str, now: int, keep_ns: int) -> Ledger:
    names, times = ledger.trades
    recent = [(name, at) for name, at in zip(names, times, strict=True) if now - at < keep_ns]
    names, times = tuple([name for name, _ in recent]), tuple([at for _, at in recent])
    place = find(names, market_id)
    names = names if place >= 0 else put(names, place, market_id)
    return replace(ledger, traded_ns=now, trades=(names, put(times, place, now)))


def _entered(ledger: Ledger, order: Resting) -> Ledger:
    """Note a match: the first of an order opens a position, adds to it, or works against it."""
    held, terms = ledger.holdings, order.terms
    for place, old in enumerate(held):
        if old.market_id != order.market_id:
            continue
        if old.size_lots * order.side < 0:
            fresh = replace(old, turn=terms, strategy=order.strategy)
        elif order.filled:
            return ledger
        else:
            kept = Terms(terms.kind, terms.confidence_milli, old.terms.regime, old.terms.bundle_id)
            fresh = replace(old, terms=kept, scale_ins=old.scale_ins + 1, strategy=order.strategy)
        return replace(ledger, holdings=put(held, place, fresh))
    return replace(ledger, holdings=(*held, Holding(order.market_id, 0, 0, terms, 0, order.strategy)))


def readable(account: Account | None, position: PositionState | None, now: int) -> bool:
    """True when what is held is known: an account that is not old, and a position that agrees with the venue's."""
    if account is None or (position is not None and position.drift):
        return False
    return not account.exposure_micros or now - account.updated_ns <= POSITION_AGE_NS
