"""Build the values of a small, ordinary market, so that a test names only what matters to it.

The market: binary `M1` on venue `kalshi`, grid of 100 ticks of one cent, bid 44, ask 46, a fair value of 0.48, a
maker's bid of 10 contracts at 44. Every builder takes field names as keywords, `intent(price_ticks=45)`; an unknown
name raises. Values are built without checks, as the engine builds them; `checked(value)` sends one through the door.
"""

import re
import types
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from bots.kit import Book, ConfirmedAt, DeskContext, Instant
from contracts import base, ids, market, order
from contracts.control import DeskConfigured, SafetyState
from contracts.intent import APPROVE, NO_LIMIT, QUOTE, ApprovedIntent, OrderIntent, RiskVote
from contracts.order import Account, ExecutionPlan, Fill, OrderUpdate, OwnOrders, PlannedOrder, PositionState
from contracts.signal import FairValue, MarketCandidate, SignalReport

S = TypeVar("S", bound=msgspec.Struct)

MS = 1_000_000
SECOND = 1_000 * MS
ROOT = Path(__file__).resolve().parent.parent
NOW = Instant(1_767_225_600 * SECOND)  # 2026-01-01T00:00:00Z
CONFIRMED = ConfirmedAt(NOW - 100 * MS)
MARKET, VENUE, ACCOUNT, STRATEGY = "M1", "kalshi", "paper", "strat.maker_tight"
GRID = 100
LOT = 10_000  # a hundredth of a contract
TEN_CONTRACTS = 1_000
FACT = ids.fact_id(1, 1)
HASH = "a" * 64


def checked(value: S) -> S:
    """Return the value after a round trip through JSON and its bounds; raises msgspec.ValidationError."""
    return msgspec.json.decode(msgspec.json.encode(value), type=type(value))


def _of(value: S, overrides: dict[str, object]) -> S:
    return msgspec.structs.replace(value, **overrides)


# ---- facts ---------------------------------------------------------------------------------------------------------


def record(**overrides: object) -> market.VenueInstrumentRecord:
    """Return the venue's word on the market."""
    return _of(
        market.VenueInstrumentRecord(
            FACT,
            int(NOW),
            0,
            MARKET,
            VENUE,
            fee=market.FeeModel("binary_quadratic", 70_000, 0, 100),
            event_id="E1",
            series_id="S1",
            expiry_ns=NOW + 86_400 * SECOND,
            title="Will it rain in New York tomorrow?",
            rules_text="Resolves YES if the National Weather Service reports rain by 23:59 UTC on 2 January 2026.",
            status=int(market.Status.OPEN),
            provenance_hash=HASH,
        ),
        overrides,
    )


def definition(**overrides: object) -> market.MarketDefinition:
    """Return the definition of the market, version 1."""
    return _of(
        market.MarketDefinition(
            market_id=MARKET,
            instrument_id=ids.instrument_id(VENUE, MARKET, "YES"),
            venue_id=VENUE,
            instrument_kind=int(market.Kind.BINARY),
            version=1,
            outcome="YES",
            tick_micros=10_000,
            grid_ticks=GRID,
            lot_micros=LOT,
            min_size_lots=1,
            price_bands=(),
            fee=market.FeeModel("binary_quadratic", 70_000, 0, 100),
            event_id="E1",
            series_id="S1",
            complement_id="",
            neg_risk=False,
            expiry_ns=NOW + 86_400 * SECOND,
            title="Will it rain in New York tomorrow?",
            rules_text="Resolves YES if the National Weather Service reports rain by 23:59 UTC on 2 January 2026.",
            rules_hash=HASH,
            status=int(market.Status.OPEN),
            valid_from_ns=int(NOW),
            provenance_hash=HASH,
            reason="INTEL_DEF_PUBLISHED",
        ),
        overrides,
    )


def touch(**overrides: object) -> market.Touch:
    """Return the top of a good book: 44 bid, 46 asked."""
    return _of(
        market.Touch(
            fact=FACT,
            at_ns=int(NOW),
            market=0,
            bid_ticks=44,
            bid_lots=5_000,
            ask_ticks=46,
            ask_lots=4_000,
            bid_levels=5,
            ask_levels=5,
            bid_depth_lots=12_000,
            ask_depth_lots=11_000,
            moved=True,
            venue_ns=NOW - 20 * MS,
            provenance_hash=HASH,
        ),
        overrides,
    )


def delta(**overrides: object) -> market.VenueBookDelta:
    """Return a change of one level: 5,000 lots bid at 44."""
    return _of(
        market.VenueBookDelta(FACT, int(NOW), 0, 1, 44, 5_000, False, 44, 46, True, 1, NOW - 20 * MS, HASH), overrides
    )


def image(**overrides: object) -> market.VenueBookImage:
    """Return a full book of three levels a side."""
    bids, asks = ((44, 5_000), (43, 4_000), (42, 3_000)), ((46, 4_000), (47, 4_000), (48, 3_000))
    return _of(market.VenueBookImage(FACT, int(NOW), 0, bids, asks, 1, NOW - 20 * MS, HASH), overrides)


def trade(**overrides: object) -> market.VenueTrade:
    """Return a public trade: somebody bought 100 lots at 46."""
    return _of(market.VenueTrade(FACT, int(NOW), 0, 46, 100, 1, "T1", 1, NOW - 20 * MS, HASH), overrides)


def mark(**overrides: object) -> market.VenueMarkUpdate:
    """Return the mark of a perpetual: 101, with a hundredth of a percent to pay in four hours."""
    said = market.VenueMarkUpdate(FACT, int(NOW), 0, 101_000_000, 101_000_000, 100_000, NOW + 14_400 * SECOND, HASH)
    return _of(said, overrides)


def status(**overrides: object) -> market.VenueStatus:
    """Return a change in the market's life: open."""
    return _of(
        market.VenueStatus(FACT, int(NOW), 0, int(market.Status.OPEN), -1, 0, 0, (), NOW - 20 * MS, HASH), overrides
    )


def tick(**overrides: object) -> market.ClockTick:
    """Return the boundary of a second, the environment's kill switch not engaged."""
    return _of(market.ClockTick(ids.fact_id(ids.CLOCK_SOURCE, NOW // SECOND), int(NOW), market.NO_MARKET), overrides)


def book(
    bids: dict[int, int] | None = None, asks: dict[int, int] | None = None, grid: int = GRID, live: bool = True
) -> Book:
    """Return a book from price to size; by default the three levels a side of `image()`."""
    made = Book(grid)
    for price, size in (dict(image().bids) if bids is None else bids).items():
        made.bids[price] = size
    for price, size in (dict(image().asks) if asks is None else asks).items():
        made.asks[price] = size
    made.bid = max((price for price, size in enumerate(made.bids) if size), default=0)
    made.ask = min((price for price, size in enumerate(made.asks) if size), default=grid + 1)
    made.bid_levels, made.ask_levels = sum(map(bool, made.bids)), sum(map(bool, made.asks))
    made.live = live
    return made


# ---- what the lane says --------------------------------------------------------------------------------------------


def quality(**overrides: object) -> market.BookQuality:
    """Return full trust in the book."""
    return _of(market.BookQuality("OK", 1_000, "IMAGE", "INTEL_BOOK_OK"), overrides)


def snapshot(**overrides: object) -> market.MarketSnapshot:
    """Return the joined state of the market."""
    return _of(
        market.MarketSnapshot(
            bid_ticks=44,
            bid_lots=5_000,
            ask_ticks=46,
            ask_lots=4_000,
            bid_depth_lots=12_000,
            ask_depth_lots=11_000,
            last_ticks=45,
            volume_micros=0,
            mark_micros=0,
            index_micros=0,
            funding_rate_ppb=0,
            definition_version=1,
            status=int(market.Status.OPEN),
            quality_milli=1_000,
            confirmed_ns=int(CONFIRMED),
            venue_ns=NOW - 20 * MS,
            provenance_hash=HASH,
            reason="INTEL_SNAP_OK",
        ),
        overrides,
    )


def trade_print(**overrides: object) -> market.TradePrint:
    """Return the trade of `trade()` with its aggressor named by the venue."""
    return _of(market.TradePrint(46, 100, 1, "venue", "T1", NOW - 20 * MS, "INTEL_BOOK_OK"), overrides)


def signal(**overrides: object) -> SignalReport:
    """Return an ordinary signal: toxicity 0.2, normal."""
    return _of(
        SignalReport(
            "toxicity", 0.2, "NORMAL", 0.05, 0.8, 60_000, 0, "1", (("percentile", 0.4),), (), "INTEL_TOX_NORMAL"
        ),
        overrides,
    )


def fair(**overrides: object) -> FairValue:
    """Return a tradable fair value of 0.48 with a band of two cents either way."""
    return _of(
        FairValue(
            480_000, 480_000, 460_000, 500_000, 40_000, ("book", "model"), True, "identity-1", "INTEL_FV_PUBLISHED"
        ),
        overrides,
    )


def candidate(**overrides: object) -> MarketCandidate:
    """Return an eligible market."""
    return _of(MarketCandidate("eligibility", True, (), "A", 900, "CLEAR", "", "", "DISC_ELIGIBLE"), overrides)


# ---- what a desk thinks --------------------------------------------------------------------------------------------


def desk(**overrides: object) -> DeskContext:
    """Return who is speaking: the paper desk `lab`."""
    return _of(DeskContext(desk_id="lab", scope=frozenset({MARKET})), overrides)


def configured(**overrides: object) -> DeskConfigured:
    """Return the first entry of the desk's journal."""
    return _of(
        DeskConfigured(
            "lab",
            "paper",
            ACCOUNT,
            (STRATEGY, "risk.kill_switch"),
            ((STRATEGY, "enforced"), ("risk.kill_switch", "enforced")),
            ("risk.kill_switch",),
            (),
            10_000 * 1_000_000,
            5,
            5,
            5,
            "lab",
            "NORMAL",
            HASH,
            "test",
            (),
        ),
        overrides,
    )


def safety(**overrides: object) -> SafetyState:
    """Return the state in which everything is allowed."""
    return _of(SafetyState("NORMAL", "ALLOW", (), 1, False, int(NOW), "RISK_KILL_SWITCH_CLEAR"), overrides)


def intent(**overrides: object) -> OrderIntent:
    """Return a maker's wish: bid ten contracts at 44."""
    return _of(
        OrderIntent(
            intent_id=ids.intent_id("lab", FACT, STRATEGY, "bid"),
            strategy=STRATEGY,
            market_id=MARKET,
            intent_kind=QUOTE,
            side=1,
            price_ticks=44,
            size_lots=TEN_CONTRACTS,
            leg="bid",
            ref_micros=450_000,
            p_model_micros=480_000,
            book_hash=HASH,
            confidence_milli=700,
            edge_micros=30_000,
            alpha_half_life_ms=5_000,
            post_only=True,
            reduce_only=False,
            bundle_id="",
            urgency="NORMAL",
            expires_ns=NOW + 5 * SECOND,
            reason="STRAT_MT_QUOTE",
        ),
        overrides,
    )


def vote(**overrides: object) -> RiskVote:
    """Return an approval by the stale-book guard."""
    return _of(RiskVote("risk.stale_book", APPROVE, "RISK_BOOK_FRESH", 100, 500, NO_LIMIT), overrides)


def approved(**overrides: object) -> ApprovedIntent:
    """Return the intent with the gate's leave for its whole size."""
    return _of(ApprovedIntent(intent(), TEN_CONTRACTS, True, False), overrides)


def child(**overrides: object) -> PlannedOrder:
    """Return the one order of the plan."""
    return _of(
        PlannedOrder(
            action=order.PLACE,
            venue_id=VENUE,
            market_id=MARKET,
            side=1,
            order_type="LIMIT",
            price_ticks=44,
            size_lots=TEN_CONTRACTS,
            time_in_force="GTC",
            post_only=True,
            reduce_only=False,
            child_index=0,
            revision=0,
            client_order_id=ids.client_order_id(intent().intent_id, 0, 0),
            salt=1,
            venue_ts_ms=NOW // MS,
            delay_ms=0,
            expires_ns=0,
            builder_code="lab",
        ),
        overrides,
    )


def plan(**overrides: object) -> ExecutionPlan:
    """Return the plan that carries the intent out."""
    return _of(
        ExecutionPlan(
            "P1", HASH, intent().intent_id, STRATEGY, QUOTE, "QUOTE", (child(),), 0, 300, NOW + 5 * SECOND, ()
        ),
        overrides,
    )


def order_event(**overrides: object) -> order.VenueOrderEvent:
    """Return the venue's acknowledgement of the order."""
    return _of(
        order.VenueOrderEvent(child().client_order_id, "V1", MARKET, "ACK", 1, 44, TEN_CONTRACTS, "", "", 0, 5_000, ""),
        overrides,
    )


def order_update(**overrides: object) -> OrderUpdate:
    """Return the order, resting."""
    return _of(
        OrderUpdate(
            client_order_id=child().client_order_id,
            venue_order_id="V1",
            market_id=MARKET,
            strategy=STRATEGY,
            side=1,
            price_ticks=44,
            size_lots=TEN_CONTRACTS,
            filled_lots=0,
            reduce_only=False,
            state="LIVE",
            since_ns=int(NOW),
            reason="EXEC_ORDER_ADVANCED",
        ),
        overrides,
    )


def own_orders(*orders: OrderUpdate) -> OwnOrders:
    """Return the desk's own orders in the market; none by default."""
    return OwnOrders(orders)


def fill(**overrides: object) -> Fill:
    """Return a fill of the whole order, as maker."""
    return _of(
        Fill(
            market_id=MARKET,
            venue_id=VENUE,
            trade_id="T1",
            client_order_id=child().client_order_id,
            strategy=STRATEGY,
            side=1,
            price_ticks=44,
            tick_micros=10_000,
            size_lots=TEN_CONTRACTS,
            lot_micros=LOT,
            fee_micros=0,
            liquidity="maker",
            settled=True,
            reason="EXEC_ORDER_ADVANCED",
        ),
        overrides,
    )


def position(**overrides: object) -> PositionState:
    """Return ten contracts long at 0.44, marked at 0.45."""
    return _of(
        PositionState(
            account=ACCOUNT,
            market_id=MARKET,
            size_lots=TEN_CONTRACTS,
            cost_micros=4_400_000,
            realised_micros=0,
            fees_micros=0,
            funding_micros=0,
            mark_micros=450_000,
            unrealised_micros=100_000,
            drift=False,
            reason="EXEC_POSITION_UPDATED",
        ),
        overrides,
    )


def account(**overrides: object) -> Account:
    """Return the desk's money: ten thousand dollars, nothing lost."""
    start = 10_000 * 1_000_000
    return _of(Account(ACCOUNT, start, start, start, start, 0, 0, int(NOW)), overrides)


# ---- any contract --------------------------------------------------------------------------------------------------


def plainest(contract: type[S]) -> S:
    """Return the plainest valid value of any contract: zeros, one-letter texts, empty tuples."""
    hints = get_type_hints(contract, include_extras=True)
    return contract(**{field.name: _plainest(hints[field.name]) for field in msgspec.structs.fields(contract)})


def _plainest(hint: Any) -> Any:
    meta: tuple[Any, ...] = ()
    while get_origin(hint) is Annotated:
        meta += hint.__metadata__
        hint = hint.__origin__
    bounds = next((item for item in meta if isinstance(item, msgspec.Meta)), msgspec.Meta())
    if get_origin(hint) in (Union, types.UnionType):
        return None
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        return () if parts[-1] is Ellipsis else tuple(map(_plainest, parts))
    if issubclass(hint, msgspec.Struct):
        return plainest(hint)
    if hint is str:
        digits = re.search(r"\[0-9a-f\]\{(\d+)\}", bounds.pattern or "")
        return "a" * int(digits[1]) if digits else "RISK_STALE_BOOK" if bounds.pattern else "x"
    return hint(max(bounds.ge or 0, 0))


def through(value: base.Wire) -> base.Wire:
    """Return the value as pydantic admits it from plain Python data; raises base.Refused."""
    return base.admit(type(value), msgspec.to_builtins(value))
