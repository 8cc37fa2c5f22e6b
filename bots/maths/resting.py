"""Compare a strategy's targets with its own orders that may still live, and say what should change."""

from collections.abc import Iterable

from msgspec import Struct

from contracts.ids import intent_id
from contracts.intent import QUOTE, WITHDRAW, OrderIntent
from contracts.market import MarketDefinition, MarketSnapshot
from contracts.order import OrderUpdate, OwnOrders
from contracts.signal import FairValue

PENDING_CANCEL, UNKNOWN = "PENDING_CANCEL", "UNKNOWN"
SECOND_NS = 1_000_000_000


class Voice(Struct, frozen=True, gc=False):
    """Who speaks, because of which fact, when and why; for how long the edge and the quote are good, in seconds.

    `trigger` tells apart what one fact triggered: a second of the clock comes as a tick, a snapshot and a fair value.
    """

    strategy: str
    desk_id: str
    cause: int
    now: int
    reason: str
    horizon_s: int = 0
    ttl_s: int = 1
    trigger: str = ""

    def name(self, market_id: str, leg: str) -> str:
        """Return the id of the intent of a leg in a market; one fact may concern many markets."""
        return intent_id(self.desk_id, self.cause, self.strategy, f"{market_id}/{leg}/{self.trigger}")


def newest(own: OwnOrders | None, strategy: str) -> tuple[OrderUpdate | None, OrderUpdate | None]:
    """Return the newest bid and ask of a strategy that are not on their way out; None where nothing rests."""
    bid = ask = None
    if own is not None:
        for order in own.orders:
            if order.state != PENDING_CANCEL and order.strategy == strategy:
                if order.side > 0:
                    bid = order
                else:
                    ask = order
    return bid, ask


def differs(definition: MarketDefinition, price_ticks: int, old: OrderUpdate | None, requote_ticks: int) -> bool:
    """True when a target must be asked for: nothing rests, or it rests at least `requote_ticks` steps away.

    Beside an order whose fate is unknown nothing is asked for.
    """
    if old is None:
        return True
    if old.price_ticks == price_ticks or old.state == UNKNOWN:
        return False
    step_ticks = definition.step_ticks(price_ticks) if definition.price_bands else 1
    return abs(price_ticks - old.price_ticks) >= requote_ticks * step_ticks


def changes(
    voice: Voice,
    definition: MarketDefinition,
    snapshot: MarketSnapshot,
    fair: FairValue,
    targets: tuple[tuple[int, int, int, OrderUpdate | None], ...],
    fee_micros: int,
    requote_ticks: int,
) -> tuple[OrderIntent, ...]:
    """Return what takes the resting orders to the targets (side, price, lots, resting); 0 lots means none."""
    said: tuple[OrderIntent, ...] = ()
    for side, price_ticks, lots, old in targets:
        if not lots:
            said += withdrawals(voice, (old,))
        elif differs(definition, price_ticks, old, requote_ticks):
            said += (quote(voice, definition, snapshot, fair, side, price_ticks, lots, fee_micros),)
    return said


def quote(
    voice: Voice,
    definition: MarketDefinition,
    snapshot: MarketSnapshot,
    fair: FairValue,
    side: int,
    price_ticks: int,
    size_lots: int,
    fee_micros: int,
) -> OrderIntent:
    """Return a post-only quote; its edge is what the fair value leaves after the maker's fee."""
    leg = "bid" if side > 0 else "ask"
    edge = side * (fair.p_micros - price_ticks * definition.tick_micros) - fee_micros
    market_id = definition.market_id
    head = (voice.name(market_id, leg), voice.strategy, market_id, QUOTE, side, price_ticks, size_lots, leg)
    belief = (fair.p_micros, fair.p_model_micros, snapshot.provenance_hash, snapshot.quality_milli, edge)
    expires_ns = voice.now + voice.ttl_s * SECOND_NS
    return OrderIntent(*head, *belief, voice.horizon_s * 1_000, True, False, "", "LOW", expires_ns, voice.reason)


def withdrawals(voice: Voice, resting: Iterable[OrderUpdate | None]) -> tuple[OrderIntent, ...]:
    """Return one withdrawal for each order that rests."""
    said: tuple[OrderIntent, ...] = ()
    for old in resting:
        if old is not None:
            leg, left = "withdraw_bid" if old.side > 0 else "withdraw_ask", old.size_lots - old.filled_lots
            name, market_id = voice.name(old.market_id, leg), old.market_id
            head = (name, voice.strategy, market_id, WITHDRAW, old.side, old.price_ticks, left, leg)
            tail = (True, False, "", "HIGH", voice.now + voice.ttl_s * SECOND_NS, voice.reason)
            said += (OrderIntent(*head, 0, -1, "", 0, 0, 0, *tail),)
    return said
