"""Quote both sides of a calm, liquid binary around its fair value, leaning against the inventory.

Says    a post-only QUOTE for each side whose target moved, a WITHDRAW for each side that rests and should not, and a
        note when the obstacle changes. Seen of a note is its place: 1 input missing or unknown, 2 safety,
        3 eligibility, status or tier, 4 regime, 5 toxicity, 6 window, 7 volume, 8 fair value or no binary, 9 closing,
        10 no side earns.
Why     A maker earns the spread from those who need to trade, and loses to those who know. So it quotes only where few
        know more: good tier, calm volatility, clean flow, no event near, and an edge after fees on each side. What
        rests is read and never remembered, or a refused quote would not be asked again. A target that stands behind
        the touch only because nearer prices earn too little is not quoted: it would fill only when it is wrong.
Source  bots/library.toml; Avellaneda, M., Stoikov, S. (2008); Guéant, O. et al. (2013).
"""

from typing import Annotated

from msgspec import Meta

from bots.kit import (
    BotConfig,
    Cause,
    ConfirmedAt,
    DeskContext,
    Instant,
    Latest,
    Number,
    On,
    Positive,
    Prob,
    Seconds,
    Signal,
    State,
    Usd,
    Within,
    fold,
)
from bots.maths.notional import clip_lots, inventory
from bots.maths.quoting import MILLION, maker_fee_micros, placed, quotes, seconds_left
from bots.maths.resting import Voice, changes, differs, newest, withdrawals
from contracts.control import ALLOW, SafetyState
from contracts.intent import BotNote, OrderIntent
from contracts.market import BookQuality, ClockTick, MarketDefinition, MarketSnapshot
from contracts.order import OwnOrders, PositionState
from contracts.reasons import STRAT_MT_INPUT_STALE, STRAT_MT_NO_EDGE, STRAT_MT_ONE_SIDED, STRAT_MT_QUOTE
from contracts.signal import FairValue, MarketCandidate, SignalReport

BOT_ID = "strat.maker_tight"
SECOND_NS = 1_000_000_000
FAIR_AGE_MS = 5_000  # the catalogue's freshness of FairValue and SignalReport
CALM = ("CALM", "NORMAL")
OPEN_WINDOWS = ("CLEAR", "POST", "")
MISSING, CLOSING, NO_SIDE = 1, 9, 10
FOREVER = 1 << 62
Input = FairValue | SignalReport | MarketCandidate | OwnOrders | PositionState | SafetyState | MarketDefinition | None


class Config(BotConfig):
    """Risk aversion, sizes, and the conditions under which it quotes."""

    gamma: Positive = 0.1
    k: Positive = 50.0
    horizon_s: Seconds = 300
    clip_usd: Usd = 25_000_000
    q_max: Number = 6
    edge_min: Prob = 4_000
    vol_min_usd: Usd = 250_000_000_000
    requote_ticks: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    quote_when_tox_unknown: bool = False
    tiers: Annotated[str, Meta(pattern="^[ABC]+$")] = "A"
    ttl_s: Seconds = 600


class Quoting(State):
    """The obstacle last noted, the inputs under which all rested as it should and until when, the touch last seen."""

    noted: int = 0
    until_ns: int = 0
    bid_ticks: int = 0
    ask_ticks: int = 0
    inputs: tuple[Input, ...] = ()
    touch: tuple[int, int] = (0, 0)


Answer = tuple[Quoting, tuple[OrderIntent | BotNote, ...]]


def step(
    config: Config,
    state: Quoting,
    trigger: On[FairValue | MarketSnapshot],
    snapshot: Latest[MarketSnapshot],
    definition: Latest[MarketDefinition],
    fair: Annotated[Latest[FairValue | None], Within(ms=FAIR_AGE_MS)],
    volatility: Annotated[Latest[SignalReport | None], Signal("volatility"), Within(ms=FAIR_AGE_MS)],
    toxicity: Annotated[Latest[SignalReport | None], Signal("toxicity")],
    eligibility: Annotated[Latest[MarketCandidate | None], Signal("eligibility")],
    tier: Annotated[Latest[MarketCandidate | None], Signal("tier")],
    calendar: Annotated[Latest[MarketCandidate | None], Signal("calendar")],
    resolution: Annotated[Latest[SignalReport | None], Signal("resolution_state")],
    own: Latest[OwnOrders | None],
    position: Latest[PositionState | None],
    safety: Latest[SafetyState | None],
    desk: Latest[DeskContext],
    cause: Latest[Cause],
    now: Instant,
) -> Answer:
    """Reconsider both quotes; when nothing differs from the last quiet look, nothing is computed.

    A snapshot that moved is not acted on: the fair value that follows from it comes next, and the old one is wrong.
    """
    touch = (snapshot.bid_ticks, snapshot.ask_ticks)
    if type(trigger) is MarketSnapshot and touch != state.touch:
        return Quoting(state.noted, 0, 0, 0, (), touch), ()
    inputs = (fair, own, position, volatility, toxicity, tier, eligibility, calendar, resolution, safety, definition)
    if (
        now < state.until_ns
        and touch == (state.bid_ticks, state.ask_ticks)
        and inputs == state.inputs
        and not snapshot.status
        and snapshot.volume_micros >= config.vol_min_usd
    ):
        return state, ()
    place = _obstacle(config, snapshot, definition, fair, volatility, toxicity, eligibility, tier, calendar, safety)
    seconds = seconds_left(config.horizon_s, definition, resolution, now)
    if place or seconds <= 0 or fair is None or volatility is None:
        return _withdrawn(state, own, place or CLOSING, desk, cause, now)
    (size, held), p = inventory(definition, position), fair.p_micros
    clips, fee = (held if size > 0 else -held) / max(1, config.clip_usd), maker_fee_micros(definition.fee, p)
    wanted = quotes(p, definition.grid_ticks, volatility.value, seconds, clips, config.gamma, config.k)
    bid, ask = placed(definition, p, touch, wanted, config.edge_min + fee)
    adding = config.clip_usd - held // config.q_max if held < config.q_max * config.clip_usd else 0
    bid_clip, ask_clip = adding if size >= 0 else config.clip_usd, adding if size <= 0 else config.clip_usd
    (old_bid, old_ask), steps = newest(own, BOT_ID), config.requote_ticks
    if (
        bid and ask and bid_clip and ask_clip
        and not differs(definition, bid, old_bid, steps) and not differs(definition, ask, old_ask, steps)
    ):  # fmt: skip
        until = definition.expiry_ns - config.horizon_s * SECOND_NS if definition.expiry_ns else FOREVER
        return Quoting(0, until, *touch, inputs, touch), ()
    bid_lots, ask_lots = clip_lots(definition, 1, bid, bid_clip), clip_lots(definition, -1, ask, ask_clip)
    if not bid_lots and not ask_lots:
        return _withdrawn(state, own, NO_SIDE, desk, cause, now)
    reason = STRAT_MT_QUOTE if bid_lots and ask_lots else STRAT_MT_ONE_SIDED
    voice = Voice(BOT_ID, desk.desk_id, cause, now, reason, config.horizon_s, config.ttl_s, type(trigger).__name__)
    targets = ((1, bid, bid_lots, old_bid), (-1, ask, ask_lots, old_ask))
    return Quoting(touch=touch), changes(voice, definition, snapshot, fair, targets, fee, steps)


def on_tick(
    config: Config,
    state: Quoting,
    tick: On[ClockTick],
    own: Latest[OwnOrders | None],
    quality: Latest[BookQuality | None],
    book_at: Latest[ConfirmedAt],
    desk: Latest[DeskContext],
    cause: Latest[Cause],
    now: Instant,
) -> Answer:
    """Withdraw what rests when the feed went silent or the book cannot be believed, for then no snapshot comes."""
    if own is None or not own.orders:
        return state, ()
    if quality is not None and quality.state != "RESYNC" and now - book_at <= FAIR_AGE_MS * 1_000_000:
        return state, ()
    return _withdrawn(state, own, MISSING, desk, cause, now)


def _obstacle(
    config: Config,
    snapshot: MarketSnapshot,
    definition: MarketDefinition,
    fair: FairValue | None,
    volatility: SignalReport | None,
    toxicity: SignalReport | None,
    eligibility: MarketCandidate | None,
    tier: MarketCandidate | None,
    calendar: MarketCandidate | None,
    safety: SafetyState | None,
) -> int:
    """Return the place of the first condition of the rule that fails; 0 when none does."""
    if fair is None or volatility is None or safety is None or tier is None or eligibility is None or calendar is None:
        return MISSING
    if safety.kill_level != ALLOW:
        return 2
    if not eligibility.eligible or snapshot.status or not tier.tier or tier.tier not in config.tiers:
        return 3
    if volatility.label not in CALM:
        return MISSING if volatility.label == "UNKNOWN" else 4
    flow = toxicity.label if toxicity is not None else "UNKNOWN"
    if flow != "NORMAL" and not (flow == "UNKNOWN" and config.quote_when_tox_unknown):
        return 5
    if calendar.window not in OPEN_WINDOWS:
        return 6
    if snapshot.volume_micros < config.vol_min_usd:
        return 7
    return 0 if fair.tradable and 0 < fair.p_micros < MILLION and not definition.instrument_kind else 8


def _withdrawn(
    state: Quoting, own: OwnOrders | None, place: int, desk: DeskContext, cause: int, now: Instant
) -> Answer:
    """Withdraw both sides, and say why when it is another obstacle than before."""
    reason = STRAT_MT_INPUT_STALE if place == MISSING else STRAT_MT_NO_EDGE
    said = withdrawals(Voice(BOT_ID, desk.desk_id, cause, now, reason), newest(own, BOT_ID))
    noted = Quoting(noted=place, touch=state.touch)
    return (state, said) if state.noted == place else (noted, (*said, BotNote(reason, place)))


BOT = fold(step, on_tick, reasons={STRAT_MT_QUOTE, STRAT_MT_ONE_SIDED, STRAT_MT_NO_EDGE, STRAT_MT_INPUT_STALE})
