"""Ask again, of every order and with its own numbers, what must hold when it leaves: scope, caps, losses, wash trades.

The desk has asked all of this already. It is asked once more by the last program before the venue, with its own lists
and from its own book of orders and fills, because what a strategy can pass by a fault of its desk is no cap (the loss
of 2012 went through a router without one). Its limits are totals of an account: several desks may share one.

    cycle    a fixed window of event time: the moment of the order's authorisation
    notional and exposure   the worst-case loss of an order, as in bots/maths/notional.py
    profit of the day       lots at its start * change of the mark + sum of fills: side * lots * (mark - price) - fees
    reduce-only             believed only against a position, less what other such orders may still take from it
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct

from bots.maths import revalidation
from bots.maths.notional import MILLION, loss, unit_risk
from bots.maths.revalidation import GATE, Belief, Known, judge
from contracts.control import ALLOW, NORMAL, SafetyState
from contracts.intent import APPROVE, NO_LIMIT, RiskVote
from contracts.market import MarketDefinition
from contracts.order import AuthorisedOrder
from contracts.reasons import (
    EXEC_PENDING_WAITING,
    RISK_DAILY_LOSS_GUARD,
    RISK_EQUITY_UNKNOWN,
    RISK_EXPOSURE_CAP_HIT,
    RISK_KILL_SWITCH_CLEAR,
    RISK_MAX_NOTIONAL_PER_CYCLE_GUARD,
    RISK_MAX_ORDERS_PER_CYCLE_GUARD,
    RISK_SCOPE_BLOCK,
    RISK_SELF_TRADE,
    SEC_SIGN_REFUSED,
)
from operators.outbox import DOUBTED, Held

SECOND_NS, MS = 1_000_000_000, 1_000_000
DAY_NS = 86_400 * SECOND_NS
SEPARATOR = "-"
_FREE = SafetyState(NORMAL, ALLOW, (), 0, False, 0, RISK_KILL_SWITCH_CLEAR)  # the stops were asked before


class Quote(NamedTuple):
    """The newest touch of a market that was received here; 0 lots on a side that has none.

    at_ns  when it was received
    """

    bid_ticks: int
    ask_ticks: int
    bid_lots: int
    ask_lots: int
    at_ns: int


class Scope(NamedTuple):
    """Which markets may be traded; in live, lists that are all empty match nothing."""

    markets: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    series: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """True when nothing is listed."""
        return not (self.markets or self.events or self.series)

    def names(self, definition: MarketDefinition, symbol: str) -> bool:
        """True for a market that a list names: itself, its event, its series, or what stands before a first dash."""
        series = (definition.series_id, definition.event_id, symbol)
        return (
            bool(self.markets & {definition.market_id, symbol})
            or definition.event_id in self.events
            or any(name and (name in self.series or name.partition(SEPARATOR)[0] in self.series) for name in series)
        )


class Limits(Struct, frozen=True):
    """What the last gate allows an account; amounts in millionths of the quote currency.

    cycle_s, cycle_orders, cycle_micros   a window, and how many orders and how much notional may leave in one
    daily_loss_milli   loss of a UTC day, in thousandths of the equity at its start; reached is too much
    reserve_micros     most that all open and doubted orders may cost together
    order_age_ms       age of an authorisation beyond which its votes have expired
    price              drift, edge, and the age of a quote beyond which there is none
    """

    cycle_s: int = 60
    cycle_orders: int = 5
    cycle_micros: int = 2_000_000_000
    daily_loss_milli: int = 100
    reserve_micros: int = NO_LIMIT
    order_age_ms: int = 10_000
    price: revalidation.Limits = revalidation.Limits()


class Day(Struct, frozen=True):
    """What an account had when a UTC day began; `equity_micros` -1 when nobody could say.

    number       of the day since 1970
    since_ns     when it was looked at: what was traded later is the day's
    lots, marks  by market: signed lots, and twice the mark in ticks
    """

    number: int
    since_ns: int
    equity_micros: int
    lots: dict[str, int]
    marks: dict[str, int]


class Traded(NamedTuple):
    """A fill: the market, signed lots, price and fee."""

    market_id: str
    signed_lots: int
    price_ticks: int
    fee_micros: int


class Refusal(NamedTuple):
    """Why an order does not leave: the code, and the numbers compared in words."""

    reason: str
    detail: str = ""


def worth(definition: MarketDefinition, price_ticks: int, size_lots: int) -> int:
    """Return the value of a signed size at a price, in micros, towards minus infinity."""
    return price_ticks * definition.tick_micros * definition.lot_micros * size_lots // MILLION


def cost(definition: MarketDefinition, side: int, price_ticks: int, size_lots: int) -> int:
    """Return what an order can lose at most, in micros, rounded up."""
    return loss(unit_risk(definition, side, price_ticks), size_lots)


def out_of_scope(scope: Scope, definition: MarketDefinition | None, symbol: str, *, live: bool) -> Refusal | None:
    """Refuse a market that the submitter's own lists do not name, or that it knows nothing of."""
    if definition is None or (scope.empty and live) or not (scope.empty or scope.names(definition, symbol)):
        return Refusal(RISK_SCOPE_BLOCK, "submit: no list of this submitter names the market")
    return None


def too_old(row: Held, expires_ns: int, limits: Limits, now_ns: int) -> Refusal | None:
    """Refuse an order whose votes, or whose own life, have expired."""
    age_ms = (now_ns - row.said_ns) // MS
    if age_ms > limits.order_age_ms or (expires_ns and now_ns >= expires_ns):
        return Refusal(
            SEC_SIGN_REFUSED, f"authorised {age_ms} ms ago; allowed: {limits.order_age_ms}, and its own life"
        )
    return None


def doubted(row: Held, living: Iterable[Held], on_hold: frozenset[str]) -> Refusal | None:
    """Refuse new exposure in a market where an order is doubted, or which a person must look at first."""
    for other in living:
        if other.state in DOUBTED and other.market_id == row.market_id and other.client_order_id != row.client_order_id:
            return Refusal(EXEC_PENDING_WAITING, f"order {other.client_order_id} is {other.state}")
    return Refusal(EXEC_PENDING_WAITING, "an open incident holds the market") if row.market_id in on_hold else None


def crosses_own(row: Held, definition: MarketDefinition, living: Iterable[Held]) -> Refusal | None:
    """Refuse an order that would meet one of the account's own, of any desk, in its book or in the complement's.

    Buying a complement at q is selling at 1 - q. What is doubted, or being cancelled, may still rest.
    """
    for other in living:
        if other.client_order_id == row.client_order_id or (not other.sent_ns):
            continue
        side, price = other.side, other.price_ticks
        if other.market_id == definition.complement_id and definition.complement_id:
            side, price = -side, definition.grid_ticks - price
        elif other.market_id != row.market_id:
            continue
        if side == -row.side and (row.price_ticks - price) * row.side >= 0:
            return Refusal(RISK_SELF_TRADE, f"own order {other.client_order_id} of desk {other.desk_id} at {price}")
    return None


def reduces(row: Held, position_lots: int, living: Iterable[Held]) -> bool:
    """True when a reduce-only claim is proven against the position, less what other such orders may still take."""
    taken = sum(
        other.open_lots
        for other in living
        if other.reduce_only
        and other.sent_ns
        and other.market_id == row.market_id
        and other.side == row.side
        and other.client_order_id != row.client_order_id
    )
    return row.reduce_only and 0 < row.size_lots <= -row.side * position_lots - taken


def over_cycle(row: Held, order_cost: int, before: Iterable[tuple[Held, int]], limits: Limits) -> Refusal | None:
    """Refuse what passes a cap of its window; `before` are (order, cost) of what may have left already."""
    window = row.said_ns // (limits.cycle_s * SECOND_NS)
    same = [
        spent
        for other, spent in before
        if other.said_ns // (limits.cycle_s * SECOND_NS) == window and other.client_order_id != row.client_order_id
    ]
    if len(same) >= limits.cycle_orders:
        return Refusal(RISK_MAX_ORDERS_PER_CYCLE_GUARD, f"{len(same)} left; allowed: {limits.cycle_orders}")
    if sum(same) + order_cost > limits.cycle_micros:
        said = f"{sum(same)} + {order_cost} micros; allowed: {limits.cycle_micros}"
        return Refusal(RISK_MAX_NOTIONAL_PER_CYCLE_GUARD, said)
    return None


def over_reserve(reserved_micros: int, order_cost: int, limits: Limits) -> Refusal | None:
    """Refuse what would reserve more than all open and doubted orders together may."""
    if reserved_micros + order_cost > limits.reserve_micros:
        said = f"{reserved_micros} + {order_cost} micros; allowed: {limits.reserve_micros}"
        return Refusal(RISK_EXPOSURE_CAP_HIT, said)
    return None


def profit(
    day: Day, traded: Iterable[Traded], marks: Mapping[str, int], definitions: Mapping[str, MarketDefinition]
) -> int:
    """Return the profit of a day in micros, marked (twice the mark in ticks); without a mark a price stands still."""
    twice = fees = 0
    for market_id, lots in day.lots.items():
        moved = marks.get(market_id, day.marks.get(market_id, 0)) - day.marks.get(market_id, 0)
        twice += worth(definitions[market_id], moved, lots) if market_id in definitions else 0
    for fill in traded:
        definition = definitions.get(fill.market_id)
        if definition is not None:
            moved = marks.get(fill.market_id, 2 * fill.price_ticks) - 2 * fill.price_ticks
            twice += worth(definition, moved, fill.signed_lots)
            fees += fill.fee_micros
    return twice // 2 - fees


def equity(
    cash_micros: int,
    positions: Iterable[tuple[str, int]],
    marks: Mapping[str, int],
    definitions: Mapping[str, MarketDefinition],
) -> int:
    """Return cash and what is held at its mark, in micros; -1 when a binary that is held has no mark.

    A short binary is long the other outcome. What a perpetual is worth is in its margin account, which is the cash.
    """
    twice = 0
    for market_id, lots in positions:
        definition = definitions.get(market_id)
        if not lots or (definition is not None and not definition.grid_ticks):
            continue
        if definition is None or market_id not in marks:
            return -1
        price = marks[market_id] if lots > 0 else 2 * definition.grid_ticks - marks[market_id]
        twice += worth(definition, price, abs(lots))
    return cash_micros + twice // 2


def lost_too_much(day: Day | None, profit_micros: int, limits: Limits) -> Refusal | None:
    """Refuse once the day's loss has reached its part of the day's first equity, or when that is not known."""
    if day is None or day.equity_micros < 0:
        return Refusal(RISK_EQUITY_UNKNOWN, "submit: the equity at the start of the day is not known")
    allowed = day.equity_micros * limits.daily_loss_milli // 1_000
    if profit_micros < 0 and -profit_micros >= allowed:
        return Refusal(RISK_DAILY_LOSS_GUARD, f"lost {-profit_micros} micros; allowed: less than {allowed}")
    return None


def priced(
    order: AuthorisedOrder, definition: MarketDefinition, quote: Quote | None, limits: Limits, now_ns: int
) -> RiskVote:
    """Vote on a price against the newest quote, by the rule that the desk used (bots/maths/revalidation.py).

    What the desk believed is what came with the order: its limit as the price, and as the edge the number that its own
    vote compared. Where no such vote came, the price alone is judged. For one that takes, that edge was taken at a
    price that may have been better than the limit, so the drift is what binds it.
    """
    voted = next((vote for vote in order.votes if vote.gate == GATE and vote.verdict == APPROVE), None)
    child = order.child
    edge = voted.seen if voted is not None and not child.reduce_only else NO_LIMIT >> 1
    belief = Belief(
        order.intent_id, "", "", child.price_ticks, child.price_ticks * definition.tick_micros, -1, edge, 0, 0, 0
    )
    seen = revalidation.Quote(0, 0, 0, 0, -1)
    if quote is not None:
        age_ns = now_ns - quote.at_ns
        seen = revalidation.Quote(quote.bid_ticks, quote.bid_lots, quote.ask_ticks, quote.ask_lots, age_ns)
    terms = revalidation.Terms(
        definition.tick_micros, definition.lot_micros, bool(definition.grid_ticks), definition.fee
    )
    known = Known(-1, 0, edge, _FREE, 0)
    return judge(limits.price, terms, child, belief, seen, known, now_ns)
