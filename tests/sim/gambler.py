"""Ask for anything: a strategy without judgement, so that what protects the desk is what stands behind it.

Every intent follows from its cause alone (a hash of the fact and the market), as the house demands of any strategy.
It wants too much, at any price, claims to reduce what it does not hold, cites old books, asks twice for the same, and
takes back what rests.
"""

from typing import Annotated
from zlib import crc32

from msgspec import Meta

from bots.kit import (
    BotConfig,
    Cause,
    ConfirmedAt,
    DeskContext,
    Instant,
    Latest,
    On,
    State,
    fold,
)
from bots.registry import library
from contracts.ids import intent_id
from contracts.intent import ENTRY, EXIT, HEDGE, QUOTE, WITHDRAW, OrderIntent
from contracts.market import ClockTick, MarketDefinition, MarketSnapshot
from contracts.order import PositionState
from contracts.reasons import STRAT_MT_QUOTE
from operators.plan import Choice

SECOND_NS = 1_000_000_000
KINDS = (ENTRY, ENTRY, QUOTE, QUOTE, HEDGE, EXIT, EXIT, WITHDRAW)
BOT_ID = next(row.id for row in reversed(library().rows) if row.layer == "strat" and not library().has_module(row.id))


class Config(BotConfig):
    """How often it asks, in a thousand looks, and which day it is."""

    per_thousand: Annotated[int, Meta(ge=0, le=1_000)] = 120
    day: int = 0


class Purse(State):
    """What it asked for last, so that it can ask again, and the book that it saw before."""

    last: OrderIntent | None = None
    hash: str = ""


Wishes = tuple[Purse, tuple[OrderIntent, ...]]


def look(
    config: Config,
    state: Purse,
    trigger: On[MarketSnapshot | ClockTick],
    snapshot: Latest[MarketSnapshot | None],
    definition: Latest[MarketDefinition],
    position: Latest[PositionState | None],
    book_at: Latest[ConfirmedAt],
    desk: Latest[DeskContext],
    cause: Latest[Cause],
    now: Instant,
) -> Wishes:
    """Throw the dice at every snapshot and every second."""
    dice = crc32(f"{config.day}|{cause}|{definition.market_id}|{type(trigger).__name__}".encode())
    if snapshot is None or dice % 1_000 >= config.per_thousand:
        return state, ()
    dice //= 1_000
    if state.last is not None and dice % 11 == 0:
        return state, (state.last,)
    held = position.size_lots if position is not None else 0
    wish = _wish(dice, state, snapshot, definition, held, desk.desk_id, cause, now)
    again = (wish, wish) if dice % 13 == 0 else (wish,)
    return Purse(wish, snapshot.provenance_hash), again


def _wish(
    dice: int,
    state: Purse,
    snapshot: MarketSnapshot,
    definition: MarketDefinition,
    held: int,
    desk_id: str,
    cause: int,
    now: int,
) -> OrderIntent:
    kind = KINDS[dice % len(KINDS)]
    side = 1 if dice // 8 % 2 else -1
    reduce_only = kind == EXIT or dice // 16 % 5 == 0
    if reduce_only and dice // 80 % 4:
        side = -1 if held > 0 else 1
    step = definition.step_ticks(max(1, snapshot.bid_ticks))
    near = snapshot.bid_ticks if side > 0 else snapshot.ask_ticks
    price = near + side * step * (dice // 320 % 9 - 2)
    price = max(price, 1)
    if definition.grid_ticks:
        price = min(price, definition.grid_ticks - 1)
    lots = max(1, definition.min_size_lots) * (1, 3, 10, 30, 100, 400)[dice // 2_880 % 6]
    if reduce_only and held and dice // 17_280 % 3:
        lots = abs(held) + (0, 0, 1)[dice // 51_840 % 3]
    micros = price * definition.tick_micros
    return OrderIntent(
        intent_id(desk_id, cause, BOT_ID, f"{definition.market_id}/{dice}"),
        BOT_ID,
        definition.market_id,
        kind,
        side,
        price,
        lots,
        "dice",
        micros,
        -1,
        snapshot.provenance_hash if dice // 7 % 8 else state.hash,
        500,
        150_000,
        600_000,
        bool(dice // 3 % 3 == 0),
        reduce_only,
        "",
        "HIGH" if dice % 2 else "LOW",
        now + (dice // 5 % 20) * SECOND_NS,
        STRAT_MT_QUOTE,
    )


BOT = fold(look, reasons={STRAT_MT_QUOTE})


def choice(day: int, per_thousand: int) -> Choice:
    """Return the gambler as a bot of a desk, on a row of the library that is not built."""
    return Choice(BOT_ID, BOT, Config(per_thousand, day), "enforced")
