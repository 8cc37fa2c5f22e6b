"""Free capital from outcome tokens: merge pairs, redeem what is resolved, convert NO of one event.

Says    `settlement` for an operation that is worth asking about; when exec.gas_oracle answers RUN, a plan of kind
        SETTLE for it, else a note of why it waits. One operation per token at a time; one that a venue refused rests,
        and is asked about again when something about its token is heard after that.
Why     A pair is cash that does not work. Only venues whose outcomes are tokens know such operations: elsewhere a pair
        nets by itself. What resting sales may need is left alone, and never more goes than the chain shows. Whoever
        is blocked, in drift, or does not know how a market ended, does nothing. What is held in one market nets on the
        YES scale and shows no pairs: they stand in the two tokens' own positions.
Source  facts/polymarket.md on the neg-risk adapter; bots/maths/settling.py.
"""

from typing import Annotated

from msgspec.structs import replace

from bots.kit import BotConfig, Cause, DeskContext, Frac, Instant, Latest, Number, On, Signal, Usd, fold
from bots.kit import State as KitState
from bots.maths.settling import MILLION, Operation, Tokens, asked, benefit_micros, ended, noted, proposed
from contracts.control import BLOCK, FLATTEN, SafetyState
from contracts.ids import intent_id
from contracts.intent import BotNote
from contracts.market import MarketDefinition, Settlement
from contracts.order import LIVE_STATES, SETTLE, ExecutionPlan, OrderUpdate, OwnOrders, PlannedOrder, PositionState
from contracts.reasons import (
    EXEC_SETTLE_BLOCKED,
    EXEC_SETTLE_DEFERRED,
    EXEC_SETTLE_PLANNED,
    EXEC_SETTLE_STATE_UNKNOWN,
)
from contracts.signal import SignalReport
from contracts.venue import ChainSnapshot

BOT_ID = "exec.inventory_settler"
REST_NS = 600 * 10**9  # after a refusal
ENDED = ("RESOLVED", "VOID")
Resolution = Annotated[Latest[SignalReport | None], Signal("resolution_state")]


class Config(BotConfig):
    """Fewer than min_pairs contracts are not merged; a conversion frees min_free_usd; opportunity_rate a year."""

    min_pairs: Number = 10
    min_free_usd: Usd = 25_000_000
    opportunity_rate: Frac = 150_000


class Store(KitState):
    """What is held of outcome tokens, and the operations on them."""

    tokens: Tokens = Tokens()


Asked = tuple[Store, Annotated[SignalReport | BotNote | None, Signal("settlement")]]


def look(
    config: Config,
    state: Store,
    event: On[PositionState | Settlement],
    definition: Latest[MarketDefinition],
    resolution: Resolution,
    safety: Latest[SafetyState | None],
    desk: Latest[DeskContext],
    cause: Latest[Cause],
    now: Instant,
) -> Asked:
    """Enter what is held, or what a resolved token is worth, and look for an operation."""
    if not definition.complement_id or definition.instrument_kind:
        return state, None
    if isinstance(event, Settlement):
        paid = event.size_lots if event.side > 0 and event.price_ticks else 0
        tokens = noted(state.tokens, definition, due_lots=paid)
    else:
        tokens = noted(state.tokens, definition, held_lots=event.size_lots, drift=event.drift)
    return _look(config, Store(tokens), definition, resolution, safety, desk, cause, now)


def resolved(
    config: Config,
    state: Store,
    resolution: Annotated[On[SignalReport], Signal("resolution_state")],
    definition: Latest[MarketDefinition],
    safety: Latest[SafetyState | None],
    desk: Latest[DeskContext],
    cause: Latest[Cause],
    now: Instant,
) -> Asked:
    """Look again when a market's end comes nearer, or is disputed."""
    return _look(config, state, definition, resolution, safety, desk, cause, now)


def follow(
    config: Config,
    state: Store,
    update: On[OrderUpdate],
    definition: Latest[MarketDefinition],
    own: Latest[OwnOrders | None],
    now: Instant,
) -> Store:
    """Note what is promised to resting sales, and how an operation of ours ended."""
    if not definition.complement_id:
        return state
    orders = own.orders if own is not None else ()
    sales = sum(o.open_lots for o in orders if o.side < 0 and o.strategy != BOT_ID and o.market_id == update.market_id)
    tokens = noted(state.tokens, definition, promised_lots=sales)
    if update.strategy == BOT_ID and update.state not in LIVE_STATES:
        tokens = ended(tokens, update.market_id, update.state == "FILLED", now + REST_NS)
    return Store(tokens)


def learn(config: Config, state: Store, view: On[ChainSnapshot], now: Instant) -> Store:
    """Take in what the chain shows of our tokens."""
    return Store(replace(state.tokens, chain=view.tokens))


def plan(
    config: Config,
    state: Store,
    answer: Annotated[On[SignalReport], Signal("gas_decision")],
    definition: Latest[MarketDefinition],
    desk: Latest[DeskContext],
    now: Instant,
) -> tuple[Store, ExecutionPlan | BotNote | None]:
    """Carry out what was asked about, or let it wait."""
    found = state.tokens.operation(definition.market_id)
    if found is None or found.sent or answer.refs[:1] != (found.op_id,):
        return state, None
    if answer.label != "RUN":
        return state, BotNote(EXEC_SETTLE_DEFERRED, found.freed_micros, round(answer.value * MILLION))
    names = found.market_ids if found.action == "CONVERT" else (definition.market_id,)
    children = tuple(_child(found, name, n, definition.venue_id, desk.builder_code) for n, name in enumerate(names))
    cost = round(answer.value * MILLION) * MILLION // max(1, found.size_lots * definition.lot_micros)
    head = ("p" + found.op_id, "", found.op_id, BOT_ID, SETTLE, SETTLE, children)
    sent = Store(asked(state.tokens, replace(found, sent=True)))
    return sent, ExecutionPlan(*head, cost, 1_000, 0, (EXEC_SETTLE_PLANNED,))


def _look(
    config: Config,
    state: Store,
    definition: MarketDefinition,
    resolution: SignalReport | None,
    safety: SafetyState | None,
    desk: DeskContext,
    cause: int,
    now: Instant,
) -> Asked:
    """Ask about an operation, or say why there is none."""
    tokens, name, known = state.tokens, definition.market_id, state.tokens.operation(definition.market_id)
    mine, other = tokens.token(name), tokens.token(definition.complement_id)
    if mine is None or (known is not None and (known.sent or now < known.rest_until_ns)):
        return state, None
    label = resolution.label if resolution is not None else "UNKNOWN"
    is_unsure = mine.drift or (other is not None and other.drift) or (mine.due_lots > 0 and label == "UNKNOWN")
    if safety is None or is_unsure:
        return state, BotNote(EXEC_SETTLE_STATE_UNKNOWN, int(mine.drift), 0)
    op_id = intent_id(desk.desk_id, cause, BOT_ID, name)
    fewest = config.min_pairs * MILLION
    found, few = proposed(tokens, name, op_id, label in ENDED, fewest, config.min_free_usd)
    if safety.kill_level == BLOCK or (found is None and label == "DISPUTED" and mine.held_lots + mine.due_lots):
        return state, BotNote(EXEC_SETTLE_BLOCKED, mine.held_lots, mine.due_lots)
    if found is None:
        limit = fewest if few < fewest else config.min_free_usd
        return state, BotNote(EXEC_SETTLE_DEFERRED, few, limit) if few else None
    if known is not None and replace(found, op_id=known.op_id) == replace(known, rest_until_ns=0):
        found = replace(found, op_id=known.op_id)
    worth = benefit_micros(found, mine, config.opportunity_rate, now)
    parts = (("freed", found.freed_micros / MILLION), ("urgent", float(safety.kill_level == FLATTEN)))
    head = ("settlement", worth / MILLION, found.action, 0.0, 1.0, 0, 0, "settle-1", parts)
    return Store(asked(tokens, found)), SignalReport(*head, (found.op_id, *found.market_ids), EXEC_SETTLE_DEFERRED)


def _child(operation: Operation, market_id: str, number: int, venue_id: str, builder_code: str) -> PlannedOrder:
    """Return one token of an operation: it goes, at no price, so it can only reduce."""
    head = (operation.action, venue_id, market_id, -1, SETTLE, 0, operation.size_lots, "GTC", False, True, number)
    return PlannedOrder(*head, 0, "", 0, 0, 0, 0, builder_code)


BOT = fold(
    look,
    resolved,
    follow,
    learn,
    plan,
    reasons={EXEC_SETTLE_PLANNED, EXEC_SETTLE_DEFERRED, EXEC_SETTLE_BLOCKED, EXEC_SETTLE_STATE_UNKNOWN},
    per="desk",
)
