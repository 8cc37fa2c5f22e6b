"""Build what is held in a market from fills and settlements alone, and mark it.

Says    PositionState after each fill, settlement or account snapshot, and when the mark of what is held changed.
        Average cost on the YES scale: YES and NO of a market net by themselves, so every pair is cash at once and
        nothing is left to merge. The mark of a binary is the last mid of a good book, before there is one the touch
        on the side where it would be closed; after resolution the settlement pays and nothing is held. The mark of a
        perpetual is its mark price; its funding is paid at each boundary that the venue names, on the size held then,
        with the rate and mark price last heard before it (bots/maths/funding_paid.py).
Why     A position copied from a venue hides every mistake; one built from fills shows them. The account's snapshot is
        compared, never copied. What rests is in OwnOrders and reserves nothing here. A fill through zero where
        outcomes are separate tokens sells what is not there, and is flagged. A holding without a mark makes equity
        unknown, and guards fail closed.
Source  Average-cost inventory; decisions on marks: daily loss and reports at mid, drawdown at liquidation prices.
"""

from msgspec.structs import replace

from bots.kit import BotConfig, DeskContext, Frac, Instant, Latest, On, State, Usd, fold
from bots.maths.funding_paid import Terms, accrued, boundary, terms
from bots.maths.positions import Inventory, trade, value, worst_loss
from contracts.market import MarketDefinition, MarketSnapshot, Settlement, VenueMarkUpdate
from contracts.order import AccountSnapshot, Fill, PositionState
from contracts.reasons import (
    EXEC_POSITION_DRIFT,
    EXEC_POSITION_NEGATIVE,
    EXEC_POSITION_UNPRICED,
    EXEC_POSITION_UPDATED,
)


class Config(BotConfig):
    """tol_usd and tol_qty (contracts): how far the account's snapshot may differ."""

    tol_usd: Usd = 1_000_000
    tol_qty: Frac = 10_000


class Held(State):
    """What is held and at which mark (-1: none, 0 or above: millionths; `mid`: it is one); drift as last compared.

    `due` are the terms of a perpetual's next funding, while one is held.
    """

    inventory: Inventory = Inventory()
    fees: int = 0
    funding: int = 0
    mark: int = -1
    mid: bool = False
    due: Terms = Terms()
    drift: bool = False


def fill(
    config: Config,
    state: Held,
    event: On[Fill | Settlement],
    definition: Latest[MarketDefinition],
    snap: Latest[MarketSnapshot | None],
    heard: Latest[VenueMarkUpdate | None],
    desk: Latest[DeskContext],
    now: Instant,
) -> tuple[Held, PositionState]:
    """Enter a fill, or the payment that ends a position; the funding due before it is of what was held until then."""
    state = _funded(state, definition, now)
    side = -event.side if type(event) is Settlement else event.side
    before, price = state.inventory, event.price_ticks * event.tick_micros
    after = trade(before, side, price, event.size_lots, event.lot_micros)
    mark, mid = (price, True) if type(event) is Settlement else _mark(state, after.size_lots, snap, definition)
    due = state.due if after.size_lots else Terms()
    if heard is not None and heard.mark_micros > 0 and after.size_lots:
        mark, mid, due = heard.mark_micros, True, terms(heard, definition.funding_interval_h, now)
    state = Held(after, state.fees + event.fee_micros, state.funding, mark, mid, due, state.drift)
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
    paid = _funded(state, definition, now)
    mark, mid = _mark(state, size, snap, definition)
    if mark == state.mark and paid is state:
        return state, None
    state = Held(paid.inventory, paid.fees, paid.funding, mark, mid, paid.due, paid.drift)
    return state, _say(state, definition, desk.account, "")


def hear(
    config: Config,
    state: Held,
    heard: On[VenueMarkUpdate],
    definition: Latest[MarketDefinition],
    desk: Latest[DeskContext],
    now: Instant,
) -> tuple[Held, PositionState | None]:
    """Mark a held perpetual at its mark price, and note the terms of its next funding."""
    if not state.inventory.size_lots or heard.mark_micros <= 0:
        return state, None
    paid = _funded(state, definition, now, heard.next_funding_ns)
    due = terms(heard, definition.funding_interval_h, now)
    after = Held(paid.inventory, paid.fees, paid.funding, heard.mark_micros, True, due, paid.drift)
    moved = after.mark != state.mark or after.funding != state.funding
    return after, _say(after, definition, desk.account, "") if moved else None


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
    state = replace(state, drift=drift)
    return state, _say(state, definition, desk.account, "")


def _funded(state: Held, of: MarketDefinition, now: int, said_ns: int = 0) -> Held:
    """Pay the funding whose boundary has passed; the same state when there is none."""
    if not state.due.due_ns or (now < state.due.due_ns and said_ns <= state.due.due_ns):
        return state
    size, due, hours = state.inventory.size_lots, state.due, of.funding_interval_h
    paid = accrued(due, size, of.lot_micros, hours, now, said_ns)
    next_ns = boundary(max(now, due.due_ns), due.due_ns, hours)
    return replace(state, funding=state.funding + paid, due=Terms(due.mark_micros, due.rate_ppb, next_ns))


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
    hear,
    compare,
    reasons={EXEC_POSITION_UPDATED, EXEC_POSITION_DRIFT, EXEC_POSITION_NEGATIVE, EXEC_POSITION_UNPRICED},
)
