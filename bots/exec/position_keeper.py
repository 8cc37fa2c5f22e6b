"""Build what is held in a market from fills and settlements alone, and mark it.

Says    PositionState after each fill, settlement or account snapshot, and when the mark of what is held changed.
        Average cost on the YES scale: YES and NO of a market net by themselves, so every pair is cash at once and
        nothing is left to merge. The mark of a binary is the last mid of a good book, before there is one the touch
        on the side where it would be closed; after resolution the settlement pays and nothing is held. The mark of a
        perpetual is its mark price; funding is accrued at each eight-hour boundary with the last rate (longs pay a
        positive one).
Why     A position copied from a venue hides every mistake; one built from fills shows them. The account's snapshot is
        compared, never copied. What rests is in OwnOrders and reserves nothing here. A fill through zero where
        outcomes are separate tokens sells what is not there, and is flagged. A holding without a mark makes equity
        unknown, and guards fail closed.
Source  Average-cost inventory; decisions on marks: daily loss and reports at mid, drawdown at liquidation prices.
"""

from bots.kit import BotConfig, DeskContext, Frac, Instant, Latest, On, State, Usd, fold
from bots.maths.positions import Inventory, trade, value, worst_loss
from contracts.market import MarketDefinition, MarketSnapshot, Settlement
from contracts.order import AccountSnapshot, Fill, PositionState
from contracts.reasons import (
    EXEC_POSITION_DRIFT,
    EXEC_POSITION_NEGATIVE,
    EXEC_POSITION_UNPRICED,
    EXEC_POSITION_UPDATED,
)

MILLION, BILLION, FUNDING_NS = 1_000_000, 1_000_000_000, 8 * 3_600 * 1_000_000_000


class Config(BotConfig):
    """tol_usd and tol_qty (contracts): how far the account's snapshot may differ."""

    tol_usd: Usd = 1_000_000
    tol_qty: Frac = 10_000


class Held(State):
    """What is held and at which mark (-1: none, 0 or above: millionths; `mid`: it is one); drift as last compared."""

    inventory: Inventory = Inventory()
    fees: int = 0
    funding: int = 0
    mark: int = -1
    mid: bool = False
    period: int = 0
    drift: bool = False


def fill(
    config: Config,
    state: Held,
    event: On[Fill | Settlement],
    definition: Latest[MarketDefinition],
    snap: Latest[MarketSnapshot | None],
    desk: Latest[DeskContext],
    now: Instant,
) -> tuple[Held, PositionState]:
    """Enter a fill, or the payment that ends a position."""
    side = -event.side if type(event) is Settlement else event.side
    before, price = state.inventory, event.price_ticks * event.tick_micros
    after = trade(before, side, price, event.size_lots, event.lot_micros)
    mark, mid = (price, True) if type(event) is Settlement else _mark(state, after.size_lots, snap, definition)
    period = state.period if before.size_lots else now // FUNDING_NS
    state = Held(after, state.fees + event.fee_micros, state.funding, mark, mid, period, state.drift)
    crossed = before.size_lots * after.size_lots < 0 and definition.complement_id != ""
    return state, _say(state, definition, desk.account, EXEC_POSITION_NEGATIVE if crossed else "")


def remark(
    config: Config,
    state: Held,
    snap: On[MarketSnapshot],
    definition: Latest[MarketDefinition],
    desk: Latest[DeskContext],
    now: Instant,
) -> tuple[Held, PositionState | None]:
    """Mark what is held again, when its mark changed or funding is due."""
    size = state.inventory.size_lots
    if not size:
        return state, None
    mark, mid = _mark(state, size, snap, definition)
    period, funding = state.period, state.funding
    if definition.instrument_kind and now // FUNDING_NS > period:
        due = value(size, mark, definition.lot_micros) * snap.funding_rate_ppb // BILLION
        funding, period = funding - due * (now // FUNDING_NS - period), now // FUNDING_NS
    if mark == state.mark and funding == state.funding and period == state.period:
        return state, None
    state = Held(state.inventory, state.fees, funding, mark, mid, period, state.drift)
    return state, _say(state, definition, desk.account, "")


def compare(
    config: Config,
    state: Held,
    account: On[AccountSnapshot],
    definition: Latest[MarketDefinition],
    desk: Latest[DeskContext],
    now: Instant,
) -> tuple[Held, PositionState | None]:
    """Compare with the venue's own account, once every page of it was read."""
    if not account.complete or account.account != desk.account:
        return state, None
    theirs = next((lots for market_id, lots in account.positions if market_id == definition.market_id), 0)
    apart, lot = abs(theirs - state.inventory.size_lots), definition.lot_micros
    drift = apart * lot > config.tol_qty or value(apart, max(state.mark, 0), lot) > config.tol_usd
    state = Held(state.inventory, state.fees, state.funding, state.mark, state.mid, state.period, drift)
    return state, _say(state, definition, desk.account, "")


def _mark(state: Held, size: int, snap: MarketSnapshot | None, definition: MarketDefinition) -> tuple[int, bool]:
    """Return (mark in millionths, whether it is a mid or mark price); the last one when the book shows none."""
    if snap is None:
        return state.mark, state.mid
    if definition.instrument_kind and snap.mark_micros > 0:
        return snap.mark_micros, True
    asked = snap.ask_ticks > 0 and (not definition.grid_ticks or snap.ask_ticks <= definition.grid_ticks)
    if snap.bid_ticks > 0 and asked:
        return (snap.bid_ticks + snap.ask_ticks) * definition.tick_micros // 2, True
    touch = snap.bid_ticks if size > 0 else snap.ask_ticks if asked else 0
    return (touch * definition.tick_micros, False) if touch > 0 and not state.mid else (state.mark, state.mid)


def _say(state: Held, definition: MarketDefinition, account: str, flag: str) -> PositionState:
    (size, cost, realised), lot = state.inventory, definition.lot_micros
    unpriced = size != 0 and state.mark < 0
    gain = 0 if unpriced else value(size, max(state.mark, 0), lot) - cost
    reason = EXEC_POSITION_UNPRICED if unpriced else EXEC_POSITION_DRIFT if state.drift else EXEC_POSITION_UPDATED
    head = (account, definition.market_id, size, cost, realised, state.fees, state.funding, state.mark, gain)
    return PositionState(
        *head, state.drift, flag or reason, worst_loss(size, cost, lot, not definition.instrument_kind)
    )


BOT = fold(
    fill,
    remark,
    compare,
    reasons={EXEC_POSITION_UPDATED, EXEC_POSITION_DRIFT, EXEC_POSITION_NEGATIVE, EXEC_POSITION_UNPRICED},
)
